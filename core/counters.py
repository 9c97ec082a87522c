"""Requests of a period from two readings of raw counters: differenced series by series, then summed.

A counter lives in the memory of one process, so each series starts anew with its process:

* a value below the last one is a restart: all of it was counted since;
* a series that vanishes adds nothing, and its last value is remembered, so that its return does not count twice;
* a series that appears in an arm that had none of its kind counts from zero;
* a series that appears beside others counts from zero up to what a newcomer can have: 1,000, or ``NEWCOMER`` times
  what the known series of both arms counted in this period, whichever is more; above that it is an old one that was
  not read before, as after a restart of Prometheus: it adds nothing this time, and counts from its value on;
* a value that is negative, infinite, no number, or too large for a float to count by ones is treated as absent;
* a latency series is used where its count and its bucket were both read: with one alone, all would seem slow.

What restarts and overtakes its old value between two readings is counted too low, and so is a newcomer above its
bound. Too high is counted only what a series within that bound, or the first of its arm, had before the period.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Series = Mapping[str, float]
NEWCOMER = 10
_LARGEST = 2.0**53
_ALWAYS_PLAUSIBLE = 1000.0


@dataclass(frozen=True)
class ArmSnapshot:
    """Raw counters of one arm by series.

    ``errors`` and ``refused`` have the series names of ``requests``, and ``fast`` those of ``timed``: a restart that
    one of them shows holds for all of its kind.

    Attributes:
        requests: all answers.
        errors: the answers that count as bad.
        timed: requests in the latency histogram.
        fast: its bucket at the latency objective; what is timed and not fast is slow.
        refused: the answers that blame the caller, 4xx; empty where the source does not tell them.
    """

    requests: Series = field(default_factory=dict)
    errors: Series = field(default_factory=dict)
    timed: Series = field(default_factory=dict)
    fast: Series = field(default_factory=dict)
    refused: Series = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """Both arms at one instant."""

    canary: ArmSnapshot
    stable: ArmSnapshot


@dataclass(frozen=True)
class ArmCounts:
    """One arm's requests of a period.

    ``0 <= errors <= requests``, ``0 <= slow <= timed`` and ``0 <= refused <= requests - errors``.
    """

    requests: int
    errors: int
    timed: int
    slow: int
    refused: int = 0


def counted(before: Snapshot, after: Snapshot) -> tuple[ArmCounts, ArmCounts, Snapshot]:
    """What was counted between two readings.

    Returns:
        The canary's counts, the stable arm's, and the snapshot to pass as the next ``before``: ``after`` with the
        series that vanished.
    """
    arms = [(_usable(old), _usable(new)) for old, new in ((before.canary, after.canary), (before.stable, after.stable))]
    # Of both arms: in an arm that suddenly fails at every request, all that is counted is a new series.
    plausible = max(_ALWAYS_PLAUSIBLE, NEWCOMER * math.fsum(_known_growth(old, new) for old, new in arms))
    (canary, canary_memory), (stable, stable_memory) = (_arm(old, new, plausible) for old, new in arms)
    return canary, stable, Snapshot(canary_memory, stable_memory)


def _known_growth(old: ArmSnapshot, new: ArmSnapshot) -> float:
    known = {name: value for name, value in new.requests.items() if name in old.requests}
    return _increases([old.requests], [known], 0.0)[0]


def _arm(old: ArmSnapshot, new: ArmSnapshot, plausible: float) -> tuple[ArmCounts, ArmSnapshot]:
    requests, failed, refused = _increases(
        [old.requests, old.errors, old.refused], [new.requests, new.errors, new.refused], plausible
    )
    timed, fast = _increases([old.timed, old.fast], [new.timed, new.fast], plausible)
    errors = min(failed, requests)
    memory = ArmSnapshot(
        requests={**old.requests, **new.requests},
        errors={**old.errors, **new.errors},
        timed={**old.timed, **new.timed},
        fast={**old.fast, **new.fast},
        refused={**old.refused, **new.refused},
    )
    return ArmCounts(requests, errors, timed, max(timed - fast, 0), min(refused, requests - errors)), memory


def _usable(arm: ArmSnapshot) -> ArmSnapshot:
    timed, fast = _countable(arm.timed), _countable(arm.fast)
    return ArmSnapshot(
        requests=_countable(arm.requests),
        errors=_countable(arm.errors),
        timed={name: value for name, value in timed.items() if name in fast},
        fast={name: value for name, value in fast.items() if name in timed},
        refused=_countable(arm.refused),
    )


def _countable(series: Series) -> dict[str, float]:
    return {name: value for name, value in series.items() if 0 <= value <= _LARGEST}


def _increases(before: Sequence[Series], after: Sequence[Series], plausible: float) -> list[int]:
    """What counters of one kind grew by, the whole first and then its parts, each summed over its series.

    A counter of requests is whole, whatever its representation.
    """
    restarted: set[str] = set()
    late: set[str] = set()
    for old, new in zip(before, after, strict=True):
        restarted |= {name for name, value in new.items() if value < old.get(name, 0.0)}
        if before[0]:
            late |= {name for name, value in new.items() if name not in old and value > plausible}

    def start(old: Series, name: str, value: float) -> float:
        return 0.0 if name in restarted else old.get(name, value if name in late else 0.0)

    return [
        round(math.fsum(value - start(old, name, value) for name, value in new.items()))
        for old, new in zip(before, after, strict=True)
    ]
