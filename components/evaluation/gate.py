"""The gate that a model passes before it may be released.

Two questions, both answered by a paired bootstrap on the same rows, one-sided at 95 %:

1. *Floor.* Null hypothesis: the candidate is no better than a constant answer. A useless model passes in at most 5 % of
   repetitions.
2. *Non-inferiority.* Null hypothesis: the candidate is worse than the champion by the margin or more. A candidate that
   is worse by exactly the margin passes in about 5 % of repetitions, one that is as good as the champion as often as
   the rows allow: with accuracies near 88 % that disagree on 6 % of rows and a margin of one point, 59 % of the time
   with 2,000 rows and 97 % with 8,000.

Without enough rows to tell, the answer is neither pass nor fail but ``too_few_rows``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kfp_lifecycle.core.bootstrap import POWER, Z_CONFIDENCE, Difference, rows_needed


class Outcome(StrEnum):
    """What the gate says."""

    PASS = "pass"
    FAIL = "fail"
    TOO_FEW_ROWS = "too_few_rows"


@dataclass(frozen=True)
class Verdict:
    """One check's answer; ``rows_needed`` is 0 unless more rows could change it."""

    outcome: Outcome
    reason: str
    rows_needed: int = 0


def _shown(difference: Difference) -> str:
    return (
        f"{difference.estimate:+.4f} (one-sided 95 % bounds {difference.lower:+.4f} and {difference.upper:+.4f},"
        f" {difference.rows} rows)"
    )


def check_rows(rows: int, min_rows: int) -> Verdict:
    """Whether enough rows are left at all."""
    if rows < min_rows:
        reason = f"{rows} rows can be used, after those of a model's own training were left out: {min_rows} are needed"
        return Verdict(Outcome.TOO_FEW_ROWS, reason, min_rows)
    return Verdict(Outcome.PASS, f"{rows} rows can be used")


def check_floor(metric: str, difference: Difference) -> Verdict:
    """Question 1; ``difference`` is the candidate's advantage over the constant answer."""
    if difference.lower > 0:
        return Verdict(Outcome.PASS, f"better than a constant answer in {metric} by {_shown(difference)}")
    needed = rows_needed(difference, difference.estimate) if difference.estimate > 0 else 0
    more = f"; to show a difference of this size takes about {needed:,} rows" if needed else ""
    reason = f"not shown to be better than a constant answer in {metric}: {_shown(difference)}{more}"
    return Verdict(Outcome.FAIL, reason, needed)


def check_champion(metric: str, difference: Difference, margin: float) -> Verdict:
    """Question 2; ``difference`` is the candidate's advantage over the champion.

    When it is not answered by yes: ``fail`` if the candidate is shown to be worse than the margin, or if an interval of
    this width would have passed an equal candidate as likely as not; else ``too_few_rows`` with the rows that let a
    candidate as good as the champion pass in 80 % of repetitions.
    """
    if difference.lower > -margin or (difference.estimate == 0 and difference.error == 0):
        return Verdict(
            Outcome.PASS, f"not worse than the champion in {metric} by more than {margin:g}: {_shown(difference)}"
        )
    if difference.upper < -margin:
        return Verdict(
            Outcome.FAIL, f"worse than the champion in {metric} by more than {margin:g}: {_shown(difference)}"
        )
    if margin > 0 and Z_CONFIDENCE * difference.error >= margin:
        needed = rows_needed(difference, margin)
        return Verdict(
            Outcome.TOO_FEW_ROWS,
            f"these rows cannot show a margin of {margin:g} in {metric}: {_shown(difference)}; about {needed:,} rows"
            f" would let an equal model pass in {POWER:.0%} of cases",
            needed,
        )
    return Verdict(
        Outcome.FAIL,
        f"not shown to be within {margin:g} of the champion in {metric}: {_shown(difference)}",
    )


def decide(verdicts: Sequence[Verdict]) -> tuple[Outcome, list[str]]:
    """The strictest outcome with all reasons, the deciding ones first: fail before too_few_rows before pass.

    Among equals the later check comes first, as it asks more.
    """
    order = [Outcome.FAIL, Outcome.TOO_FEW_ROWS, Outcome.PASS]
    ranked = sorted(reversed(verdicts), key=lambda verdict: order.index(verdict.outcome))
    return ranked[0].outcome, [verdict.reason for verdict in ranked]
