"""Does a judge that was killed carry on from plain JSON, and does no road lead to a promotion that is not earned?"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_lifecycle.components.judgement.canary import Counts, Evidence, TwoArms, bar
from kfp_lifecycle.components.judgement.observation import Observation
from kfp_lifecycle.components.judgement.rules import Rules
from kfp_lifecycle.components.judgement.state import (
    RECORDS,
    Answer,
    Seen,
    State,
    from_json,
    resumed,
    to_json,
)
from kfp_lifecycle.components.judgement.verdict import sides
from kfp_lifecycle.components.judgement.walk import advance

# Small enough for a promotion to be within reach of a few checks.
RULES = Rules(weights=(10, 50), min_requests=100, checks_per_weight=1, alpha=0.3)


@st.composite
def checks(draw: st.DrawFn) -> list[Observation]:
    """Some checks of any kind, good ones more often than not."""
    found, hits, rows, replayed = [], 0, 0, draw(st.booleans())
    for number in range(1, draw(st.integers(1, 14)) + 1):
        weight = draw(st.sampled_from([10, 50, 50, 50]))
        arms = {}
        for metric in RULES.margins:
            if draw(st.integers(0, 9)):
                canary, stable = draw(st.sampled_from([0, 60, 60, 60])), draw(st.sampled_from([0, 90, 90, 90]))
                bad = draw(st.sampled_from([0, 0, 0, 1, 30]))
                arms[metric] = TwoArms(Counts(canary, min(bad, canary)), Counts(stable, min(stable, 2)))
        rows, hits = rows + 40, hits + draw(st.sampled_from([0, 0, 1, 9]))
        canary = draw(st.sampled_from([0, 60, 60, 60]))
        found.append(
            Observation(
                60.0 * number,
                weight,
                arms,
                canary,
                canary * (100 - weight) // weight,
                replayed=(hits, rows) if replayed else None,
                query_error=draw(st.sampled_from([""] * 9 + ["x" * 5000])),
                restarts=draw(st.sampled_from([0] * 19 + [1])),
                ready=draw(st.sampled_from([True] * 9 + [False])),
                not_ready="y" * 5000,
            )
        )
    return found


def saved_and_read(state: State) -> State:
    return from_json(json.loads(json.dumps(to_json(state), allow_nan=False)))


@given(checks())
@settings(deadline=None)
def test_any_state_comes_back_from_json_and_leads_to_the_same_answers(seen):
    straight = killed = State()
    for check in seen:
        one, other = advance(straight, RULES, check), advance(saved_and_read(killed), RULES, check)
        assert one == other
        assert saved_and_read(one.state) == one.state
        straight, killed = one.state, other.state


@given(checks())
@settings(deadline=None, max_examples=300)
def test_nothing_is_promoted_on_too_few_requests_or_on_missing_data(seen):
    state = State()
    for check in seen:
        step = advance(state, RULES, check)
        state = step.state
        assert step.reasons and all(step.reasons)
        if step.answer is Answer.PROMOTE:
            assert check.ready and not check.restarts and not check.query_error and check.weight == 50
            assert state.records[-1].seen is Seen.COUNTED and state.counted >= 1
            for metric in RULES.margins:
                assert check.arms[metric].canary.total and check.arms[metric].stable.total
                assert state.evidence[metric].canary.total >= RULES.min_requests
            assert all(it.no_worse > bar(RULES.alpha) for it in sides(state, RULES).values())


def test_a_promotion_is_within_reach_of_the_rules_used_here():
    # A property about promotions that never met one would say nothing.
    state = State()
    for number in range(1, 12):
        arms = TwoArms(Counts(60), Counts(60, 2))
        check = Observation(60.0 * number, 50, dict.fromkeys(RULES.margins, arms), 60, 60)
        step = advance(state, RULES, check)
        state = step.state
        if step.answer is Answer.PROMOTE:
            return
    raise AssertionError("never promoted")


def test_a_judge_that_takes_over_drops_its_first_check():
    arms = dict.fromkeys(RULES.margins, TwoArms(Counts(20), Counts(180)))
    first = advance(State(), RULES, Observation(60, 10, arms, 20, 180)).state
    second = advance(first, RULES, Observation(120, 10, arms, 20, 180)).state
    taken_over = advance(resumed(saved_and_read(second)), RULES, Observation(500, 10, arms, 20, 180)).state
    assert [record.seen for record in taken_over.records] == [Seen.DROPPED, Seen.COUNTED, Seen.DROPPED]
    assert taken_over.evidence == second.evidence
    assert taken_over.routed == second.routed


def test_a_state_stays_small_however_long_the_judgement():
    rules, state = Rules(deadline_seconds=10**9), State()
    arms = dict.fromkeys(rules.margins, TwoArms(Counts(99_999, 9999), Counts(899_991, 89_999)))
    for number in range(1, RECORDS + 101):
        state = advance(state, rules, Observation(60.0 * number, 10, arms, 99_999, 899_991)).state
    assert len(state.records) == RECORDS
    assert state.records[-1].seconds == 60.0 * (RECORDS + 100)
    assert len(json.dumps(to_json(state))) < RECORDS * 256
    text = "z" * 10**6
    state = advance(state, rules, Observation(1e9, 10, {}, 0, 0, query_error=text, ready=False, not_ready=text)).state
    assert len(json.dumps(to_json(state))) < RECORDS * 256 + 2000


def test_a_rolled_back_release_and_a_replay_without_rows_come_back():
    state = State(
        evidence={"errors": Evidence(1.5, -2.5, Counts(10, 1), Counts(20, 2))}, over=("why",), replayed=(0, 0)
    )
    assert saved_and_read(state) == state


def test_a_state_of_another_format_is_refused():
    with pytest.raises(ValueError, match="format 99: this reads 1"):
        from_json({**to_json(State()), "format": 99})
