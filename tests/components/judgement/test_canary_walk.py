"""Does the walk up the weights promote, roll back and wait as the policy says?"""

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


def at(check: int, weight: int = 10, arms: TwoArms = GOOD, slow: TwoArms | None = None, **changes) -> Observation:
    """A check of a well-behaved canary, split as asked."""
    canary, stable = arms.canary.total, arms.canary.total * (100 - weight) // weight
    plain = Observation(60.0 * check, weight, {"errors": arms, "slow": slow or arms}, canary, stable)
    return replace(plain, **changes)


def walk(checks: Iterable[Observation], state: State | None = None, rules: Rules = RULES) -> list[Step]:
    steps: list[Step] = []
    for check in checks:
        steps.append(advance(steps[-1].state if steps else state or State(), rules, check))
    return steps


def released(arms: TwoArms, rules: Rules = RULES, **changes) -> list[Step]:
    """A release whose weight follows the judge, until the verdict."""
    state, weight, steps = State(), rules.weights[0], []
    for check in range(1, 200):
        steps.append(advance(state, rules, at(check, weight, arms, **changes)))
        state, weight = steps[-1].state, steps[-1].weight or weight
        if steps[-1].answer in (Answer.PROMOTE, Answer.ROLL_BACK):
            return steps
    raise AssertionError("no verdict")


def test_a_good_canary_climbs_every_weight_and_is_promoted_at_the_last():
    steps = released(GOOD)
    assert [step.weight for step in steps if step.weight] == [25, 50]
    assert steps[-1].answer is Answer.PROMOTE
    assert steps[-1].state.weight == 50
    assert "errors: 1.00% of the canary's" in steps[-1].reasons[0]
    # Three counted checks at each weight after the one that is dropped.
    assert [index for index, step in enumerate(steps) if step.weight] == [3, 7]


def test_the_first_check_at_each_weight_is_dropped():
    steps = released(GOOD)
    dropped = [record for record in steps[-1].state.records if record.seen is Seen.DROPPED]
    assert [record.weight for record in dropped] == [10, 25, 50]
    assert steps[0].state.evidence == {}


def test_no_promotion_before_the_last_weight_however_strong_the_evidence():
    strong = {metric: Evidence(0, 50, Counts(10_000, 10), Counts(90_000, 900)) for metric in RULES.margins}
    state = State(strong, weight=25, fresh=False)
    assert walk([at(1, 25), at(2, 25)], state)[-1].answer is Answer.WAIT
    # At the last weight a counted check is needed there, too.
    dropped, counted = walk([at(1, 50), at(2, 50)], state)
    assert (dropped.answer, counted.answer) == (Answer.WAIT, Answer.PROMOTE)


def test_no_promotion_before_the_burn_in_of_each_metric():
    early = {"errors": Evidence(0, 50, Counts(5000, 5)), "slow": Evidence(0, 50, Counts(299, 1))}
    state = State(early, weight=50, fresh=False)
    arms = TwoArms(Counts(200, 2), Counts(200, 2))
    assert "slow: 499 canary requests, at least 500" in walk([at(1, 50, arms)], state)[-1].reasons[0]
    assert walk([at(1, 50, arms), at(2, 50, arms)], state)[-1].answer is Answer.PROMOTE


def test_one_metric_that_is_not_shown_keeps_the_others_from_promoting():
    early = {"errors": Evidence(0, 50, Counts(5000, 5)), "slow": Evidence(0, 2.0, Counts(5000, 90), Counts(5000, 60))}
    step = walk([at(1, 50, TwoArms(Counts(20), Counts(20)))], State(early, weight=50, fresh=False))[-1]
    assert step.answer is Answer.WAIT
    assert step.reasons[0].startswith("slow:")


def test_a_worse_canary_is_rolled_back_below_the_last_weight():
    steps = released(TwoArms(Counts(200, 12), Counts(1800, 18)))
    assert steps[-1].answer is Answer.ROLL_BACK
    assert steps[-1].state.weight < 50
    assert steps[-1].reasons[0].startswith("errors: 6.00% of the canary's")
    assert "worse (evidence" in steps[-1].reasons[0]


@pytest.mark.parametrize(("evidence", "answer"), [(3.6, Answer.WAIT), (3.8, Answer.ROLL_BACK)])
def test_with_two_metrics_each_has_half_of_alpha_to_roll_back(evidence, answer):
    # log(2 / .05) is 3.69, and log(1 / .05) is 3.00.
    state = State({"slow": Evidence(evidence, 0)}, weight=10, fresh=False)
    assert walk([at(1, arms=TwoArms(Counts(200), Counts()), stable_requests=1800)], state)[-1].answer is answer


def test_replayed_rows_are_a_metric_of_their_own():
    strong = {metric: Evidence(0, 50, Counts(10_000, 10), Counts(90_000, 900)) for metric in RULES.margins}
    state = State(strong, weight=50, fresh=False)
    last = TwoArms(Counts(200, 2), Counts(200, 2))
    for replayed, answer in [
        (None, Answer.PROMOTE),
        ((0, 0), Answer.WAIT),
        ((10, 200), Answer.WAIT),
        ((4, 400), Answer.PROMOTE),
        ((40, 300), Answer.ROLL_BACK),
    ]:
        step = walk([at(1, 50, last, replayed=replayed)], state)[-1]
        assert step.answer is answer, replayed
    assert step.reasons[0].startswith("disagreement: 13.33% of 300 replayed rows, at most 5.00% allowed: worse")


def test_replayed_rows_that_a_later_check_leaves_out_are_not_forgotten():
    steps = walk([at(1, replayed=(0, 10)), at(2)])
    assert steps[-1].state.replayed == (0, 10)


def test_rollback_wins_a_tie():
    both = {metric: Evidence(50, 50, Counts(10_000, 10), Counts(90_000, 900)) for metric in RULES.margins}
    assert walk([at(1, 50)], State(both, weight=50, fresh=False))[-1].answer is Answer.ROLL_BACK


def test_the_weight_does_not_go_up_while_a_metric_leans_to_worse():
    leaning = {"errors": Evidence(2.5, 0, Counts(1000, 20), Counts(1000, 10))}
    state = State(leaning, weight=10, fresh=False, counted=5)
    quiet = TwoArms(Counts(1), Counts(9))
    step = walk([at(1, arms=quiet)], state)[-1]
    assert (step.answer, step.weight) == (Answer.WAIT, None)
    assert step.reasons[0] == "errors: leaning to worse, the weight does not go up"
    relieved = replace(state, evidence={"errors": Evidence(1.0, 0, Counts(1000, 20), Counts(1000, 10))})
    assert walk([at(1, arms=quiet)], relieved)[-1].weight == 25


def test_at_the_deadline_an_undecided_canary_is_rolled_back_and_told_what_was_missing():
    step = released(TwoArms(Counts(5), Counts(45)), replace(RULES, deadline_seconds=3600))[-1]
    assert step.answer is Answer.ROLL_BACK
    assert step.state.seconds == 3600
    # Sixty checks, of which three are dropped.
    assert step.reasons[0].startswith("undecided after 3600 s: errors: 0.00% of the canary's 285 requests")
    assert "about 500 canary requests would be needed, 285 were seen" in step.reasons[0]
    assert any(reason.startswith("slow:") for reason in step.reasons[1:])


def test_a_canary_without_any_traffic_until_the_deadline_is_never_promoted():
    step = released(TwoArms(Counts(), Counts()))[-1]
    assert step.answer is Answer.ROLL_BACK
    assert step.reasons[0].startswith("undecided after 7200 s: errors")
    assert "about 1,100 canary requests would be needed, 0 were seen" in step.reasons[0]
    assert any("silence is not evidence" in reason for reason in step.reasons)


def test_a_verdict_in_the_check_of_the_deadline_is_a_verdict():
    strong = {metric: Evidence(0, 50, Counts(10_000, 10), Counts(90_000, 900)) for metric in RULES.margins}
    state = State(strong, weight=50, fresh=False)
    assert walk([at(120, 50)], state)[-1].answer is Answer.PROMOTE
    assert walk([at(120, 50, query_error="timeout")], state)[-1].answer is Answer.ROLL_BACK


def test_a_rollback_is_answered_again_whatever_comes_after():
    first = walk([at(1, restarts=1)])[-1]
    again = walk([at(2), at(3)], first.state)
    assert [step.answer for step in again] == [Answer.ROLL_BACK] * 2
    assert again[-1].reasons == first.reasons
    assert again[-1].state == first.state


def test_a_weight_that_somebody_else_set_goes_on_from_there():
    steps = walk([at(check, 30, TwoArms(Counts(200, 2), Counts(466, 4))) for check in range(1, 5)])
    assert [step.weight for step in steps] == [None, None, None, 50]
