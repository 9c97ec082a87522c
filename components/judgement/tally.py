"""What replayed rows say of two arms. Pure.

Every row counts for agreement. For errors and slowness a row counts for one arm only, in turn: the e-processes take
the arms for independent, and two answers to one row are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kfp_lifecycle.components.judgement.canary import Counts, TwoArms
from kfp_lifecycle.components.judgement.rules import ERRORS, REFUSED, SLOW

NOTHING = TwoArms(Counts(), Counts())


@dataclass(frozen=True)
class Reply:
    """An arm's reply to a row; ``value`` is None where it gave no prediction."""

    failed: bool
    seconds: float
    value: Any = None
    refused: bool = False


@dataclass(frozen=True)
class Tally:
    """The rows so far.

    Attributes:
        rows: that the stable arm answered; the others say nothing about agreement.
        sent: all rows, those that a policy refused included.
        denied: rows that never reached a model server, because a policy refuses the caller.
        difference: the first disagreement, in words.
        arms: errors and slow answers since the last check.
    """

    rows: int = 0
    disagreements: int = 0
    sent: int = 0
    denied: int = 0
    difference: str = ""
    arms: Mapping[str, TwoArms] = field(default_factory=dict)


def added(
    tally: Tally, canary: Reply, stable: Reply, *, denied: bool, scale: float | None, slow_seconds: float
) -> Tally:
    """One row more.

    Args:
        scale: regression: how far apart two answers still agree; None for labels, which must be equal.
        slow_seconds: a longer answer is slow; 0 to leave that out.
    """
    number, tally = tally.sent, replace(tally, sent=tally.sent + 1)
    if denied:
        return replace(tally, denied=tally.denied + 1)
    tally = replace(tally, arms=_counted(tally.arms, canary, stable, number, slow_seconds))
    if stable.failed or stable.value is None:
        return tally
    if agree(canary.value, stable.value, scale):
        return replace(tally, rows=tally.rows + 1)
    said = tally.difference or f"row {number}: the canary answered {canary.value!r}, the champion {stable.value!r}"
    return replace(tally, rows=tally.rows + 1, disagreements=tally.disagreements + 1, difference=said)


def agree(canary: Any, stable: Any, scale: float | None) -> bool:
    """Whether two predictions count as the same."""
    if canary is None:
        return False
    return bool(canary == stable) if scale is None else abs(float(canary) - float(stable)) <= scale


def emptied(tally: Tally) -> Tally:
    """For the next check: the rows stay, what is counted per check starts anew."""
    return replace(tally, arms={})


def _counted(
    arms: Mapping[str, TwoArms], canary: Reply, stable: Reply, number: int, slow_seconds: float
) -> dict[str, TwoArms]:
    # Rows alternate in who is asked first; pairs of them alternate in whom they count for.
    first = number // 2 % 2 == 0
    reply = canary if first else stable
    bad = {ERRORS: reply.failed, REFUSED: reply.refused}
    if slow_seconds:
        bad[SLOW] = reply.failed or reply.seconds > slow_seconds
    return {metric: _one_more(arms.get(metric, NOTHING), first, is_bad) for metric, is_bad in bad.items()}


def _one_more(arms: TwoArms, canary: bool, bad: bool) -> TwoArms:
    if canary:
        return TwoArms(Counts(arms.canary.total + 1, arms.canary.bad + bad), arms.stable)
    return TwoArms(arms.canary, Counts(arms.stable.total + 1, arms.stable.bad + bad))
