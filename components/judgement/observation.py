"""What one check saw of a release. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kfp_lifecycle.components.judgement.canary import TwoArms


@dataclass(frozen=True)
class Observation:
    """One check; counts are differences since the last check whose queries were answered.

    Attributes:
        seconds: since the judgement began, also when the judge was restarted meanwhile.
        weight: percent that the canary has been asked for since before the check's interval began.
        arms: per metric; a metric whose query failed is absent.
        canary_requests: all of the canary's requests in the interval.
        stable_requests: those of the other arm.
        replayed: disagreements and rows so far; (0, 0) before the first row, None when no rows are replayed at all.
        query_error: what a query failed with.
        restarts: of the canary's containers since the last check.
        ready: whether the canary is ready.
        not_ready: why it is not.
    """

    seconds: float
    weight: int
    arms: Mapping[str, TwoArms]
    canary_requests: int
    stable_requests: int
    replayed: tuple[int, int] | None = None
    query_error: str = ""
    restarts: int = 0
    ready: bool = True
    not_ready: str = ""

    def missing(self, metrics: Iterable[str]) -> str:
        """Why the check does not tell of all metrics; empty when it does."""
        absent = sorted(metric for metric in metrics if metric not in self.arms)
        return self.query_error or (f"no counts of {', '.join(absent)}" if absent else "")
