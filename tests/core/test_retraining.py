"""Whether a retrain may be started, for every history of retrains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.retraining import Cause, Limits, Past, RetrainOutcome, decide_retrain
from kfp_lifecycle.core.window import Window

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LIMITS = Limits(cooldown=7 * DAY, budget=2, budget_period=28 * DAY, max_running=1, min_new_labels=50)


def cause(day: float, **changes: object) -> Cause:
    """A monitor as of a day that has judged the seven days before it."""
    as_of = START + day * DAY
    made = Cause("churn", "prod", "drift", Window(as_of - 7 * DAY, as_of), as_of, "", "retrain", 1000)
    return replace(made, **changes)  # type: ignore[arg-type]


def past(day: float, running: bool = False, caller: str = "") -> Past:
    it = cause(day)
    return Past(it.key, str(it.window), it.as_of, running, f"run-{day}", caller)


def outcome(asked: Cause, *before: Past, limits: Limits = LIMITS) -> str:
    return str(decide_retrain(asked, before, limits).outcome)


def test_without_a_past_a_retrain_starts() -> None:
    decision = decide_retrain(cause(10), (), LIMITS)
    assert decision.outcome is RetrainOutcome.START
    assert decision.inputs["window"] == "2026-01-04T00:00:00Z/2026-01-11T00:00:00Z"
    assert "days_since_last_retrain" not in decision.numbers


@pytest.mark.parametrize("asked", ["healthy", "alert", "data_fault", "insufficient_data"])
def test_only_the_answer_retrain_asks_for_one(asked: str) -> None:
    assert outcome(cause(10, asked=asked)) == "no_drift"


def test_a_window_that_has_its_run_gets_no_other() -> None:
    assert outcome(cause(10), past(10, running=True)) == "already_running"
    assert outcome(cause(10), past(10)) == "already_running"
    # Whatever as_of a second monitor of the same window has.
    assert outcome(cause(10, as_of=START + 100 * DAY), past(10)) == "already_running"


def test_a_second_try_of_the_run_that_started_it_hears_the_same() -> None:
    assert outcome(cause(10, caller="me"), past(10, caller="me")) == "start"
    assert outcome(cause(10, caller="me"), past(10, caller="other")) == "already_running"
    assert outcome(cause(10, caller=""), past(10, caller="")) == "already_running"


def test_while_one_runs_no_other_window_starts_one() -> None:
    assert outcome(cause(100), past(10, running=True)) == "already_running"
    assert outcome(cause(100), past(10, running=True), limits=replace(LIMITS, max_running=2)) == "start"


@pytest.mark.parametrize(("day", "expected"), [(16.99, "cooling_down"), (17, "start"), (40, "start")])
def test_the_cooldown_ends_by_as_of(day: float, expected: str) -> None:
    decision = decide_retrain(cause(day), (past(10),), LIMITS)
    assert decision.outcome == expected
    assert decision.numbers["days_since_last_retrain"] == pytest.approx(day - 10)
    if expected == "cooling_down":
        assert "the next may be as of 2026-01-18T00:00:00Z" in decision.reasons[0]


def test_a_window_of_before_the_last_retrain_is_not_retrained_for() -> None:
    decision = decide_retrain(cause(10), (past(300),), LIMITS)
    assert (decision.outcome, "later moment" in decision.reasons[0]) == ("cooling_down", True)


@pytest.mark.parametrize(("day", "expected"), [(37.9, "over_budget"), (38, "start")])
def test_the_budget_is_of_any_period_that_ends_now(day: float, expected: str) -> None:
    assert outcome(cause(day), past(10), past(20)) == expected


@pytest.mark.parametrize(("labels", "expected"), [(49, False), (50, True), (None, False)])
def test_a_retrain_needs_labels(labels: int | None, expected: bool) -> None:
    assert (outcome(cause(10, new_labels=labels)) == "start") is expected
    assert outcome(cause(10, new_labels=labels), limits=replace(LIMITS, min_new_labels=0)) == "start"


DAYS = st.integers(0, 200)
PASTS = st.lists(st.tuples(DAYS, st.booleans()), max_size=12, unique_by=lambda it: it[0]).map(
    lambda found: [past(day, running) for day, running in found]
)
SOME_LIMITS = st.builds(
    Limits,
    cooldown=st.integers(0, 40).map(lambda days: days * DAY),
    budget=st.integers(1, 5),
    budget_period=st.integers(1, 60).map(lambda days: days * DAY),
    max_running=st.integers(1, 3),
    min_new_labels=st.sampled_from([0, 50, 2000]),
)


@given(DAYS, PASTS, SOME_LIMITS, st.randoms())
def test_the_order_of_the_past_means_nothing(day: int, before: list[Past], limits: Limits, shuffle: object) -> None:
    mixed = list(before)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    assert decide_retrain(cause(day), before, limits) == decide_retrain(cause(day), mixed, limits)


@given(DAYS, PASTS, SOME_LIMITS)
def test_a_start_keeps_every_limit(day: int, before: list[Past], limits: Limits) -> None:
    asked = cause(day)
    if outcome(asked, *before, limits=limits) != "start":
        return
    assert asked.key not in {each.key for each in before}
    assert sum(each.running for each in before) < limits.max_running
    assert all(asked.as_of - each.as_of >= limits.cooldown for each in before)
    assert sum(each.as_of > asked.as_of - limits.budget_period for each in before) < limits.budget
    assert limits.min_new_labels <= 1000


@given(DAYS, PASTS, SOME_LIMITS)
def test_what_forbids_a_start_is_named_truly(day: int, before: list[Past], limits: Limits) -> None:
    """The answer goes away with what it names: without that, the next reason or a start comes."""
    asked, said = cause(day), outcome(cause(day), *before, limits=limits)
    without: dict[str, Callable[[], str]] = {
        "already_running": lambda: outcome(
            asked, *[replace(it, running=False) for it in before if it.key != asked.key], limits=limits
        ),
        "cooling_down": lambda: outcome(asked, limits=limits),
        "over_budget": lambda: outcome(asked, *before, limits=replace(limits, budget=100)),
        "not_enough_new_labels": lambda: outcome(replace(asked, new_labels=10**6), *before, limits=limits),
    }
    if said != "start":
        assert without[said]() != said


@given(st.lists(st.tuples(DAYS, st.integers(0, 30)), max_size=40), SOME_LIMITS)
def test_over_a_whole_history_no_limit_is_ever_broken(asks: list[tuple[int, int]], limits: Limits) -> None:
    """Monitors ask in any order of their moments, twice and late; each run ends when so many more have asked."""
    book: list[tuple[Past, int]] = []
    for number, (day, length) in enumerate(asks):
        now = [replace(it, running=number < ends) for it, ends in book]
        if outcome(cause(day), *now, limits=limits) == "start":
            assert sum(it.running for it in now) < limits.max_running
            book.append((past(day), number + length))
    moments = [it.as_of for it, _ in book]
    assert len({it.key for it, _ in book}) == len(book)
    assert moments == sorted(moments)
    for first, second in pairwise(moments):
        assert second - first >= limits.cooldown
    for moment in moments:
        assert sum(moment - limits.budget_period < each <= moment for each in moments) <= limits.budget
