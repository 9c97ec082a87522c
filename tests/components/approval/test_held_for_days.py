"""Does a release that waits stay held, by one step at a time, whatever happens to the step?"""

from __future__ import annotations

import signal
import time
from datetime import datetime

import pytest
from tests.components.stage.background import in_background

from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.components.promotion.promotion import promote
from kfp_lifecycle.components.rollback.rollback import roll_back
from kfp_lifecycle.components.sweeping.sweeping import sweep


def until(condition, seconds: float = 60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def test_each_look_renews_the_release_so_that_no_sweep_takes_it(waiting, approved, call):
    with in_background(approved, source="annotation") as done:
        waiting.asked()
        epoch, first = waiting.release()["epoch"], waiting.release()["expires_at"]
        until(lambda: waiting.release()["expires_at"] > first)
        assert call(sweep)[0] == "nothing_to_do"
        assert waiting.release()["epoch"] == epoch
        waiting.annotate(waiting.line())
    assert done.result()[0] == "approved"


def test_a_step_that_was_killed_is_carried_on_with_the_same_question_and_deadline(waiting, approved, process):
    first = process()
    asked = waiting.asked()
    first.send_signal(signal.SIGKILL)
    first.wait()
    epoch = waiting.release()["epoch"]
    with in_background(approved, timeout_seconds=7 * 86400) as done:
        until(lambda: waiting.release()["epoch"] == epoch + 1)
        assert waiting.asked() == asked
        waiting.annotate(waiting.line())
    outcome, decision = done.result()
    assert outcome == "approved"
    assert decision.inputs["deadline"] == asked["deadline"]


def test_a_deadline_that_passed_while_nobody_looked_means_no_at_the_first_look(waiting, approved, process):
    first = process(seconds=1.5)
    asked = waiting.asked()
    first.send_signal(signal.SIGKILL)
    first.wait()
    until(lambda: now() >= datetime.fromisoformat(asked["deadline"]))
    began = time.monotonic()
    outcome, decision = approved(timeout_seconds=7 * 86400)
    assert outcome == "timed_out" and time.monotonic() - began < 60
    assert asked["deadline"] in decision.reasons[0]


def test_sigterm_leaves_the_canary_and_the_question_as_they_are(waiting, process):
    before = waiting.world.live()["spec"]
    first = process()
    asked = waiting.asked()
    first.send_signal(signal.SIGTERM)
    output, _ = first.communicate(timeout=10)
    assert first.returncode == 1
    assert "Stopped: the step was asked to end while it waited for approval" in output
    assert waiting.asked() == asked and waiting.world.live()["spec"] == before


def test_another_run_that_takes_over_ends_the_first_and_asks_the_same(waiting, approved, process):
    first = process("run-2")
    asked = waiting.asked()
    with in_background(approved, run_id="run-3") as second:
        output, _ = first.communicate(timeout=20)
        assert first.returncode == 0
        assert "superseded" in output and "this step writes nothing more" in output
        assert waiting.asked() == asked and waiting.release()["run_id"] == "run-3"
        waiting.annotate(waiting.line())
    assert second.result()[0] == "approved"


def test_a_roll_back_meanwhile_ends_the_wait(waiting, approved, call):
    with in_background(approved) as done:
        waiting.asked()
        assert call(roll_back, service=waiting.world.service, timeout_seconds=10)[0] == "rolled_back"
    assert done.result()[0] == "superseded"
    assert waiting.world.champion() == "1"


def test_a_canary_that_somebody_took_off_by_hand_is_waited_for_no_longer(waiting, approved):
    with in_background(approved) as done:
        waiting.asked()
        live = waiting.world.live()
        del live["spec"]["canary"]
        live["spec"]["predictor"].pop("canaryTrafficPercent", None)
        path = f"/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/{waiting.world.service}"
        waiting.world.call("PUT", path, live)
    outcome, decision = done.result()
    assert outcome == "superseded"
    assert "no longer stands as a canary (found champion 1, no canary)" in decision.reasons[0]


@pytest.mark.parametrize("outcome", ["rejected", "timed_out"])
def test_a_no_is_rolled_back_by_its_run(waiting, approved, call, outcome):
    with in_background(approved, timeout_seconds=20 if outcome == "rejected" else 0.5) as done:
        if outcome == "rejected":
            waiting.annotate(waiting.line("rejected"))
    assert done.result()[0] == outcome
    arguments = {"service": waiting.world.service, "run_id": "run-2", "timeout_seconds": 10}
    assert call(roll_back, **arguments, reason=outcome)[0] == "rolled_back"
    assert waiting.world.champion() == "1"
    name = waiting.registered.name
    assert call(promote, service=waiting.world.service, model_name=name, version="2", timeout_seconds=10)[0] == "stale"
