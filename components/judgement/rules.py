"""What a canary is judged by: the shipped defaults, and the user's choices looked at before anything is touched."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from kfp_lifecycle.core.errors import InputError

ERRORS, SLOW, REFUSED = "errors", "slow", "refused"


@dataclass(frozen=True)
class Rules:
    """The rules of one judgement.

    Attributes:
        weights: percent of the traffic for the canary, one after the other.
        check_seconds: between two checks.
        deadline_seconds: from the start; without a verdict by then the canary is rolled back.
        min_requests: canary requests that every metric must have seen before a promotion.
        checks_per_weight: counted checks before the next weight.
        alpha: chance of promoting a canary that is worse by a margin, and of rolling back one that is not worse.
        margins: per judged metric the share of requests by which a canary may be worse, such as .01 for one point.
        disagreement_limit: share of replayed rows that the candidate may answer otherwise.
        silent_seconds: how long the canary may get nothing while the stable arm gets requests.
        query_errors: failed queries running that make the judge hold.
        hard_stop_requests: canary requests in a check that let its share of bad ones stop the release at once.
        hard_stop_share: a larger share than this, in two checks running, stops it.
        settle_seconds: how long the servers that a new weight asks for may take until the canary is ready again.
    """

    weights: tuple[int, ...] = (10, 25, 50)
    check_seconds: float = 60
    deadline_seconds: float = 7200
    min_requests: int = 500
    checks_per_weight: int = 3
    alpha: float = 0.05
    margins: Mapping[str, float] = field(default_factory=lambda: {ERRORS: 0.01, SLOW: 0.01})
    disagreement_limit: float = 0.05
    silent_seconds: float = 300
    query_errors: int = 5
    hard_stop_requests: int = 50
    hard_stop_share: float = 0.20
    settle_seconds: float = 600


_SHIPPED = Rules()


def check_rules(
    weights: Sequence[object] = _SHIPPED.weights,
    check_seconds: float = _SHIPPED.check_seconds,
    deadline_seconds: float = _SHIPPED.deadline_seconds,
    min_requests: float = _SHIPPED.min_requests,
    checks_per_weight: float = _SHIPPED.checks_per_weight,
    alpha: float = _SHIPPED.alpha,
    error_margin: float = _SHIPPED.margins[ERRORS],
    slow_margin: float = _SHIPPED.margins[SLOW],
    refused_margin: float = 0.01,
    disagreement_limit: float = _SHIPPED.disagreement_limit,
) -> Rules:
    """The rules with the user's choices.

    Raises:
        InputError: a choice that makes no sense, or that leaves no time for a promotion.
    """
    rules = Rules(
        weights=_weights(weights),
        check_seconds=_positive("check_seconds", check_seconds),
        deadline_seconds=_positive("deadline_seconds", deadline_seconds),
        min_requests=_count("min_requests", min_requests),
        checks_per_weight=_count("checks_per_weight", checks_per_weight),
        alpha=_share("alpha", alpha),
        margins={
            ERRORS: _share("error_margin", error_margin),
            SLOW: _share("slow_margin", slow_margin),
            REFUSED: _share("refused_margin", refused_margin),
        },
        disagreement_limit=_share("disagreement_limit", disagreement_limit),
    )
    check_deadline(rules, rules.weights[0])
    return rules


def check_deadline(rules: Rules, weight: int) -> None:
    """Refuse a deadline that leaves a canary at this weight no time to be promoted.

    Raises:
        InputError: it does.
    """
    needed = shortest_walk(rules, weight) * rules.check_seconds
    if rules.deadline_seconds < needed:
        raise InputError(
            "deadline_seconds",
            rules.deadline_seconds,
            f"at least {needed:g} seconds",
            f"From {weight} % over the weights {list(rules.weights)} with {rules.checks_per_weight} checks at each, "
            f"{rules.check_seconds:g} seconds apart, it takes as long: give more time, fewer weights or fewer checks.",
        )


def shortest_walk(rules: Rules, weight: int) -> int:
    """Checks from a weight to a promotion at the earliest: the first at each is dropped, one at the last counts."""
    moves = sum(each > weight for each in rules.weights)
    return moves * (1 + rules.checks_per_weight) + 2


def _weights(values: Sequence[object]) -> tuple[int, ...]:
    found = [_whole(value) for value in values]
    whole = tuple(value for value in found if value is not None)
    rising = all(first < second for first, second in pairwise(whole))
    if not whole or len(whole) < len(found) or not rising or not 1 <= whole[0] <= whole[-1] <= 99:
        raise InputError(
            "weights",
            list(values),
            "whole percents from 1 to 99, each larger than the one before, at least one",
            "Give for example [10, 25, 50].",
        )
    return whole


def _whole(value: object) -> int | None:
    # KFP hands whole numbers of a list over as floats.
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value != int(value):
        return None
    return int(value)


def _count(parameter: str, value: float) -> int:
    whole = _whole(value)
    if whole is None or whole < 1:
        raise InputError(parameter, value, "a whole number of at least 1", "Leave it out for the default.")
    return whole


def _positive(parameter: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise InputError(parameter, value, "a number of seconds above 0", "Leave it out for the default.")
    return value


def _share(parameter: str, value: float) -> float:
    if not 0 < value < 1:
        raise InputError(parameter, value, "a share between 0 and 1", "Give for example 0.01 for one percent.")
    return value
