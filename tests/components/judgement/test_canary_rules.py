"""Are the user's choices looked at before anything is touched, and is each mistake named?"""

from __future__ import annotations

import math

import pytest

from kfp_lifecycle.components.judgement.rules import Rules, check_rules, shortest_walk
from kfp_lifecycle.core.errors import InputError


def test_without_choices_the_shipped_rules_hold():
    assert check_rules() == Rules(margins={"errors": 0.01, "slow": 0.01, "refused": 0.01})


def test_each_choice_arrives():
    rules = check_rules([5.0, 50], 30, 3600, 100, 2, 0.01, 0.02, 0.03, 0.05, 0.04)
    assert rules == Rules(
        weights=(5, 50),
        check_seconds=30,
        deadline_seconds=3600,
        min_requests=100,
        checks_per_weight=2,
        alpha=0.01,
        margins={"errors": 0.02, "slow": 0.03, "refused": 0.05},
        disagreement_limit=0.04,
    )
    assert all(type(weight) is int for weight in rules.weights)


WRONG = [
    *[("weights", value) for value in ([], [0, 10], [10, 100], [10, 10], [25, 10], [10.5], [True], ["10"], [math.nan])],
    *[("check_seconds", value) for value in (0, -1, math.inf, math.nan)],
    *[("deadline_seconds", value) for value in (0, -1, math.inf, math.nan)],
    *[("min_requests", value) for value in (0, -5, 1.5, math.nan)],
    *[("checks_per_weight", value) for value in (0, 2.5)],
    *[
        (name, value)
        for name in ("alpha", "error_margin", "slow_margin", "refused_margin", "disagreement_limit")
        for value in (0, 1, -0.1, 1.5, math.nan)
    ],
]


@pytest.mark.parametrize(("parameter", "value"), WRONG)
def test_a_choice_that_makes_no_sense_is_refused_by_its_name(parameter, value):
    with pytest.raises(InputError) as caught:
        check_rules(**{parameter: value})
    assert caught.value.parameter == parameter


@pytest.mark.parametrize("deadline", [30, 60, 599])
def test_a_deadline_that_leaves_no_time_for_a_promotion_is_refused(deadline):
    with pytest.raises(InputError, match="at least 600 seconds") as caught:
        check_rules(deadline_seconds=deadline)
    assert caught.value.parameter == "deadline_seconds"


def test_the_shortest_walk_drops_a_check_at_each_weight():
    # 10 %: dropped, three counted; 25 % the same; 50 %: dropped, one counted.
    assert [shortest_walk(Rules(), weight) for weight in (5, 10, 25, 50)] == [14, 10, 6, 2]
    assert check_rules(deadline_seconds=600)
