"""Requests of a period from two readings of raw counters: differenced series by series, then summed.

A counter lives in the memory of one process, so each series starts anew with its process:

* a value below the last one is a restart: all of it was counted since;
* a series that vanishes adds nothing, and its last value is remembered, so that its return does not count twice;
* a series that appears later counts from zero;
* a value that is negative, infinite, no number, or too large for a float to count by ones is treated as absent;
* a latency series is used where its count and its bucket were both read: with one alone, all would seem slow.

What restarts and overtakes its old value between two readings is counted too low; nothing is ever counted too high.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

Series = Mapping[str, float]
_LARGEST = 2.0**53


@dataclass(frozen=True)
class ArmSnapshot:
    """Raw counters of one arm by series.

    ``errors`` has the series names of ``requests``, and ``fast`` those of ``timed``: a restart that one of a pair
    shows holds for both.

    Attributes:
        requests: all answers.
        errors: the answers that count as bad.
        timed: requests in the latency histogram.
        fast: its bucket at the latency objective; what is timed and not fast is slow.
    """

    requests: Series = field(default_factory=dict)
    errors: Series = field(default_factory=dict)
    timed: Series = field(default_factory=dict)
    fast: Series = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """Both arms at one instant."""

    canary: ArmSnapshot
    stable: ArmSnapshot


@dataclass(frozen=True)
class ArmCounts:
    """One arm's requests of a period; ``0 <= errors <= requests`` and ``0 <= slow <= timed``."""

    requests: int
    errors: int
    timed: int
    slow: int


def counted(before: Snapshot, after: Snapshot) -> tuple[ArmCounts, ArmCounts, Snapshot]:
    """What was counted between two readings.

    Returns:
        The canary's counts, the stable arm's, and the snapshot to pass as the next ``before``: ``after`` with the
        series that vanished.
    """
    canary, canary_memory = _arm(before.canary, after.canary)
    stable, stable_memory = _arm(before.stable, after.stable)
    return canary, stable, Snapshot(canary_memory, stable_memory)


def _arm(before: ArmSnapshot, after: ArmSnapshot) -> tuple[ArmCounts, ArmSnapshot]:
    old, new = _usable(before), _usable(after)
    answered = _restarted(old.requests, new.requests) | _restarted(old.errors, new.errors)
    measured = _restarted(old.timed, new.timed) | _restarted(old.fast, new.fast)
    requests = _increase(old.requests, new.requests, answered)
    timed = _increase(old.timed, new.timed, measured)
    counts = ArmCounts(
        requests=requests,
        errors=min(_increase(old.errors, new.errors, answered), requests),
        timed=timed,
        slow=max(timed - _increase(old.fast, new.fast, measured), 0),
    )
    memory = ArmSnapshot(
        requests={**old.requests, **new.requests},
        errors={**old.errors, **new.errors},
        timed={**old.timed, **new.timed},
        fast={**old.fast, **new.fast},
    )
    return counts, memory


def _usable(arm: ArmSnapshot) -> ArmSnapshot:
    timed, fast = _countable(arm.timed), _countable(arm.fast)
    return ArmSnapshot(
        requests=_countable(arm.requests),
        errors=_countable(arm.errors),
        timed={name: value for name, value in timed.items() if name in fast},
        fast={name: value for name, value in fast.items() if name in timed},
    )


def _countable(series: Series) -> dict[str, float]:
    return {name: value for name, value in series.items() if 0 <= value <= _LARGEST}


def _restarted(before: Series, after: Series) -> set[str]:
    return {name for name, value in after.items() if value < before.get(name, 0.0)}


def _increase(before: Series, after: Series, restarted: set[str]) -> int:
    """The sum over the series; a counter of requests is whole, whatever its representation."""
    steps = (value - (0.0 if name in restarted else before.get(name, 0.0)) for name, value in after.items())
    return round(math.fsum(steps))
