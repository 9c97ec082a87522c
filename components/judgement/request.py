"""What a judgement is asked for, checked before anything is read."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from kfp_lifecycle.components.judgement.rules import SLOW, Rules, check_rules
from kfp_lifecycle.core.errors import InputError

# The pod that waits is ended after 26 hours.
LONGEST_DEADLINE = 24 * 3600


class Source(StrEnum):
    """What the canary is judged by."""

    TRAFFIC = "traffic"
    REPLAY = "replay"
    BOTH = "both"


@dataclass(frozen=True)
class Replaying:
    """How rows are replayed.

    Attributes:
        limit: at most so many.
        per_second: at most so many a second.
        tolerance: regression: how far apart answers agree, in standard deviations of the label.
    """

    limit: int
    per_second: float
    tolerance: float


@dataclass(frozen=True)
class JudgeRequest:
    """A judgement of one version of one service.

    Attributes:
        slow_seconds: a longer answer counts as slow; 0 leaves latency out.
    """

    service: str
    namespace: str
    version: str
    source: Source
    rules: Rules
    slow_seconds: float
    replaying: Replaying
    run_id: str


def check_request(
    *,
    service: str,
    namespace: str,
    version: str,
    evidence: str,
    rows_given: bool,
    weights: list[int],
    check_seconds: int,
    deadline_seconds: int,
    min_requests: int,
    checks_per_weight: int,
    slo_milliseconds: float,
    error_margin: float,
    slow_margin: float,
    refused_margin: float,
    alpha: float,
    replay_limit: int,
    replay_per_second: float,
    disagreement_limit: float,
    disagreement_tolerance: float,
    run_id: str,
) -> JudgeRequest:
    """The request, if every argument can be one.

    Raises:
        InputError: names the first argument that cannot.
    """
    if evidence not in list(Source):
        raise InputError("evidence", evidence, f"one of {', '.join(Source)}", "Leave it out to judge by traffic.")
    source = Source(evidence)
    if source is not Source.TRAFFIC and not rows_given:
        raise InputError("evidence", evidence, "a table in rows, to be replayed", "Pass on the holdout of split.")
    if not 0 <= slo_milliseconds <= 3_600_000:
        raise InputError("slo_milliseconds", slo_milliseconds, "0 to 3600000", "0 leaves latency out of the verdict.")
    _above_zero("replay_limit", replay_limit)
    _above_zero("replay_per_second", replay_per_second)
    if not (math.isfinite(disagreement_tolerance) and disagreement_tolerance >= 0):
        raise InputError("disagreement_tolerance", disagreement_tolerance, "0 or more", "Give for example 0.1.")
    rules = check_rules(
        weights=weights,
        check_seconds=check_seconds,
        deadline_seconds=deadline_seconds,
        min_requests=min_requests,
        checks_per_weight=checks_per_weight,
        alpha=alpha,
        error_margin=error_margin,
        slow_margin=slow_margin,
        refused_margin=refused_margin,
        disagreement_limit=disagreement_limit,
    )
    if deadline_seconds > LONGEST_DEADLINE:
        raise InputError("deadline_seconds", deadline_seconds, f"at most {LONGEST_DEADLINE}", "A day is the longest.")
    if not slo_milliseconds:
        rules = replace(rules, margins={name: margin for name, margin in rules.margins.items() if name != SLOW})
    return JudgeRequest(
        service,
        namespace,
        version,
        source,
        rules,
        slo_milliseconds / 1000,
        Replaying(replay_limit, replay_per_second, disagreement_tolerance),
        run_id,
    )


def _above_zero(parameter: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InputError(parameter, value, "a number above 0", "Leave it out for the default.")
