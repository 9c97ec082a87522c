"""Are the hard stops, and the four states of missing data, told apart, and does a hold end when its cause ends?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from kfp_lifecycle.components.judgement.canary import Counts, Evidence, TwoArms
from kfp_lifecycle.components.judgement.observation import Observation
from kfp_lifecycle.components.judgement.rules import Rules
from kfp_lifecycle.components.judgement.state import Answer, Seen, State
from kfp_lifecycle.components.judgement.walk import Step, advance

RULES = Rules()
GOOD = TwoArms(Counts(200, 2), Counts(1800, 18))
QUIET = TwoArms(Counts(2), Counts(18))
BAD = TwoArms(Counts(50, 11), Counts(450, 4))
SILENT = TwoArms(Counts(), Counts(30, 1))
NOBODY = TwoArms(Counts(), Counts())
BEGUN = State(weight=10, fresh=False)
WAIT, HOLD, ROLL_BACK = Answer.WAIT, Answer.HOLD, Answer.ROLL_BACK


def at(both: TwoArms = QUIET, **changes) -> Observation:
    plain = Observation(0, 10, {"errors": both, "slow": both}, both.canary.total, both.stable.total)
    return replace(plain, **changes)


def failed(text: str = "timeout") -> Observation:
    return Observation(0, 10, {}, 0, 0, query_error=text)


def walk(checks: Iterable[Observation], state: State = BEGUN) -> list[Step]:
    """One check a minute."""
    steps: list[Step] = []
    for number, check in enumerate(checks, start=1):
        check = replace(check, seconds=60.0 * number)
        steps.append(advance(steps[-1].state if steps else state, RULES, check))
    return steps


def answers(checks: Iterable[Observation], state: State = BEGUN) -> list[Answer]:
    return [step.answer for step in walk(checks, state)]


@pytest.mark.parametrize("fresh", [False, True])
def test_a_restart_of_the_canary_stops_the_release_even_in_a_dropped_check(fresh):
    [step] = walk([at(restarts=2, not_ready="OOMKilled")], replace(BEGUN, fresh=fresh))
    assert step.answer is ROLL_BACK
    assert step.reasons[0] == "the canary was restarted 2 times since the last check: OOMKilled"


@pytest.mark.parametrize("fresh", [False, True])
def test_a_canary_that_is_not_ready_in_two_checks_running_is_stopped(fresh):
    down = at(ready=False, not_ready="probe failed")
    steps = walk([down, at(), down, down], replace(BEGUN, fresh=fresh))
    assert [step.answer for step in steps] == [WAIT, WAIT, WAIT, ROLL_BACK]
    assert steps[0].reasons[0] == "the canary is not ready: probe failed"
    assert steps[-1].reasons[0] == "the canary is not ready in 2 checks running: probe failed"


def test_readiness_is_watched_while_the_queries_fail():
    assert answers([replace(failed(), ready=False)] * 2) == [WAIT, ROLL_BACK]


def test_servers_that_a_higher_weight_asks_for_may_take_their_time():
    high = at(TwoArms(Counts(5), Counts(15)), weight=25)
    loading = replace(high, ready=False)
    # Checks 2 to 11 are within ten minutes of the move, the next two are not.
    assert answers([at(), *[loading] * 10]) == [WAIT] * 11
    assert answers([at(), *[loading] * 12])[-2:] == [WAIT, ROLL_BACK]
    # Once it has been ready, two checks are enough.
    assert answers([at(), loading, high, loading, loading])[-2:] == [WAIT, ROLL_BACK]


def test_an_unready_canary_is_not_promoted():
    strong = {metric: Evidence(0, 50, Counts(10_000, 10), Counts(90_000, 900)) for metric in RULES.margins}
    last = at(TwoArms(Counts(200), Counts(200)), weight=50)
    state = State(strong, weight=50, fresh=False)
    assert answers([replace(last, ready=False)], state) == [WAIT]
    assert answers([last], state) == [Answer.PROMOTE]


@pytest.mark.parametrize("metric", ["errors", "slow"])
def test_very_many_bad_requests_in_two_checks_running_stop_at_once(metric):
    bad = at(arms={"errors": QUIET, "slow": QUIET, metric: BAD})
    good = at(arms={"errors": GOOD, "slow": GOOD})
    steps = walk([bad, good, bad, bad])
    assert [step.answer for step in steps] == [WAIT, WAIT, WAIT, ROLL_BACK]
    assert steps[-1].reasons[0].startswith(f"{metric}: 22.0% of the canary's 50 requests are bad (0.9% of the stable")


@pytest.mark.parametrize(
    ("arms", "why"),
    [
        (TwoArms(Counts(49, 49), Counts(450, 4)), "fewer than 50 requests"),
        (TwoArms(Counts(50, 10), Counts(450, 4)), "just 20 %"),
        (TwoArms(Counts(50, 22), Counts(450, 99)), "the stable arm is half as bad"),
    ],
)
def test_a_share_that_is_not_a_hard_stop_is_left_to_the_evidence(arms, why):
    last = walk([at(arms)] * 2)[-1]
    assert last.answer is WAIT, why


def test_a_failed_query_neither_ends_nor_continues_a_run_of_bad_checks():
    assert answers([at(BAD), failed(), at(BAD)]) == [WAIT, WAIT, ROLL_BACK]


def test_a_dropped_check_feeds_no_hard_stop_by_its_counts():
    assert answers([at(BAD), at(BAD)], replace(BEGUN, fresh=True)) == [WAIT, WAIT]


def test_without_traffic_the_judge_waits():
    steps = walk([at(NOBODY)] * 20)
    assert {step.answer for step in steps} == {WAIT}
    assert steps[-1].reasons[0] == "no traffic: silence is not evidence"
    assert steps[-1].state.evidence.get("errors", Evidence()) == Evidence()


def test_a_canary_that_alone_gets_nothing_makes_the_judge_hold_after_five_minutes():
    steps = walk([at(SILENT, stable_requests=1)] * 6)
    assert [step.answer for step in steps] == [WAIT] * 4 + [HOLD] * 2
    assert steps[-1].reasons[0].startswith("the canary has got no request for 360 s while the stable arm got some")
    # Nobody's silence mends nothing; the canary's next request does.
    later = walk([at(NOBODY), at(QUIET)], steps[-1].state)
    assert [step.answer for step in later] == [HOLD, WAIT]
    assert later[-1].state.records[-1].seen is Seen.COUNTED


def test_a_silent_stable_arm_is_nothing_to_compare_with():
    [step] = walk([at(TwoArms(Counts(3, 3), Counts()))])
    assert (step.answer, step.state.records[-1].seen) == (WAIT, Seen.STABLE_SILENT)
    assert step.state.evidence["errors"] == Evidence()


def test_five_failed_queries_running_make_the_judge_hold_until_one_is_answered():
    steps = walk([failed()] * 4 + [at()] + [failed("no route")] * 6 + [at()])
    assert [step.answer for step in steps] == [WAIT] * 9 + [HOLD] * 2 + [WAIT]
    assert steps[-2].reasons[0] == "6 queries running failed: no route"


def test_a_metric_without_counts_is_a_failed_query_and_the_other_still_counts_as_evidence():
    [step] = walk([at(arms={"errors": GOOD})])
    assert step.state.records[-1].seen is Seen.UNANSWERED
    assert step.reasons[0] == "a query failed: no counts of slow"
    assert step.state.evidence["errors"].canary.total == 200
    assert "slow" not in step.state.evidence
    assert step.state.counted == 0


def test_a_metric_that_counts_nothing_while_requests_come_is_no_counted_check():
    [step] = walk([at(arms={"errors": GOOD, "slow": NOBODY}, canary_requests=200, stable_requests=1800)])
    assert step.state.records[-1].seen is Seen.NO_TRAFFIC
    assert step.state.counted == 0


def test_a_dropped_check_whose_query_failed_leaves_the_next_one_to_be_dropped():
    steps = walk([failed(), at(GOOD), at(GOOD)], replace(BEGUN, fresh=True))
    assert [record.seen for record in steps[-1].state.records] == [Seen.UNANSWERED, Seen.DROPPED, Seen.COUNTED]


def test_traffic_that_passes_the_gateway_by_makes_the_judge_hold():
    passing = at(SILENT, canary_requests=0, stable_requests=150)
    [step] = walk([passing])
    assert step.answer is HOLD
    assert step.reasons[0].startswith("no traffic passes the gateway: the canary got none of 150 requests at weight 10")


def test_a_wrong_split_is_told_with_both_shares_and_its_checks_are_no_evidence():
    wrong = at(TwoArms(Counts(300, 3), Counts(700, 7)))
    steps = walk([wrong, wrong])
    assert [step.answer for step in steps] == [HOLD, HOLD]
    assert steps[0].reasons[0] == (
        "the traffic is not split as asked: the canary got 30.0% and the stable arm 70.0% of 1,000 requests,"
        " the weights are 10 and 90 %"
    )
    assert steps[-1].state.evidence == {}


def test_a_wrong_split_that_is_mended_ends_the_hold_and_the_next_check_counts():
    wrong, right = at(TwoArms(Counts(300, 3), Counts(700, 7))), at(TwoArms(Counts(12), Counts(108)))
    steps = walk([wrong, right, right, right])
    # Two hundred requests tell at a weight of 10 %.
    assert [step.answer for step in steps] == [HOLD, HOLD, WAIT, WAIT]
    assert [record.seen for record in steps[-1].state.records] == [Seen.MISROUTED] * 3 + [Seen.COUNTED]
    assert steps[-1].state.evidence["errors"].canary.total == 12


def test_a_failed_query_during_a_wrong_split_neither_ends_the_hold_nor_counts():
    wrong = at(TwoArms(Counts(300, 3), Counts(700, 7)))
    steps = walk([wrong, at(arms={"errors": GOOD}, query_error="timeout")])
    assert steps[-1].answer is HOLD
    assert steps[-1].state.evidence == {}


def test_a_hard_stop_goes_before_a_hold():
    wrong = at(TwoArms(Counts(300, 90), Counts(700, 7)))
    assert answers([wrong, wrong]) == [HOLD, ROLL_BACK]


def test_the_deadline_ends_a_hold_by_a_rollback_that_names_it():
    steps = walk([failed()] * 120)
    assert [step.answer for step in steps[-2:]] == [HOLD, ROLL_BACK]
    assert steps[-1].reasons[0] == "undecided after 7200 s: 120 queries running failed: timeout"
