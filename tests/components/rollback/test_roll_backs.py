"""Do users get back what they got before, and nothing else?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.components.stage.background import in_background

from kfp_lifecycle.adapters import kubernetes_connection, release_writes
from kfp_lifecycle.components.promotion.promotion import promote
from kfp_lifecycle.components.rollback.rollback import roll_back
from kfp_lifecycle.core import release as releases
from kfp_lifecycle.core.release import Superseded
from kfp_lifecycle.core.service_manifests import changed

NOW = datetime(2026, 11, 20, tzinfo=UTC)
MODES = pytest.mark.parametrize("mode", ["Standard", "Knative"])


@pytest.fixture
def canary(world, registered, release):
    """A champion, version 1, and beside it the canary, version 2, of run-2."""

    def make(mode: str) -> dict[str, str]:
        first = registered.version()
        release(**first, deployment_mode=mode)
        assert release(**registered.version(), deployment_mode=mode, run_id="run-2")[0] == "canary"
        world.proxy.writes.seen.clear()
        return first

    return make


@pytest.fixture
def back(world, call):
    def run(**arguments):
        return call(roll_back, **{"service": world.service, "timeout_seconds": 10, **arguments})

    return run


def newest(world):
    return world.record()["releases"][-1]


@MODES
def test_a_canary_is_taken_off_and_the_champion_is_verified(world, registered, canary, back, mode):
    first = canary(mode)
    outcome, decision = back(reason="the errors doubled")
    assert (outcome, world.champion(), registered.champion()) == ("rolled_back", "1", "1")
    assert world.live()["spec"]["predictor"]["model"]["storageUri"] == first["uri"]
    assert "answered its example" in decision.reasons[0]
    assert decision.numbers["probe_milliseconds"] > 0
    assert (newest(world)["state"], newest(world)["weight"]) == ("rolled_back", 0)
    assert newest(world)["evidence"]["ended"] == "the errors doubled"


def test_in_knative_mode_the_traffic_goes_first_and_never_all_to_the_canary(world, canary, back):
    canary("Knative")
    shares, act = [], world.proxy.forwarded

    def noted(method: str, path: str, status: int) -> None:
        act(method, path, status)
        if "inferenceservices" in path:
            shares.append(world.live()["spec"]["predictor"].get("canaryTrafficPercent"))

    world.proxy.forwarded = noted
    assert back()[0] == "rolled_back"
    assert shares == [0, None]


def test_in_knative_mode_the_champions_new_revision_must_answer_before_it_gets_traffic(world, canary, back):
    canary("Knative")
    world.behaviour.answers["1"] = 500
    outcome, decision = back()
    assert outcome == "not_restored"
    assert "its restored revision is not ready yet (the model server did not answer" in decision.reasons[0]
    assert world.live()["spec"]["predictor"]["canaryTrafficPercent"] == 0
    assert newest(world)["finished_at"] is None
    world.behaviour.answers.clear()
    assert back()[0] == "rolled_back"
    assert world.champion() == "1"


def test_a_champion_that_does_not_answer_is_not_restored_and_the_release_stays_open(world, canary, back):
    canary("Standard")
    world.behaviour.answers["1"] = 500
    outcome, decision = back()
    assert outcome == "not_restored"
    assert decision.reasons[0].startswith("the model server did not answer its own example")
    assert world.champion() == "1"
    assert newest(world)["finished_at"] is None


def test_a_route_that_still_has_the_canary_is_not_restored_and_the_release_stays_open(world, canary, back):
    canary("Standard")
    world.behaviour.frozen_routes = True
    outcome, decision = back(timeout_seconds=1)
    assert outcome == "not_restored"
    assert "does not give" in decision.reasons[0] and "-v2-predictor" in decision.reasons[0]
    assert newest(world)["finished_at"] is None
    world.behaviour.frozen_routes = False
    world.act()
    assert back()[0] == "rolled_back"


def test_a_route_that_must_not_be_read_is_said_and_does_not_stop_the_roll_back(world, canary, back):
    canary("Standard")
    world.proxy.answer = lambda method, path: 403 if "httproutes" in path else 0
    outcome, decision = back()
    assert outcome == "rolled_back"
    assert "answered its example" in decision.reasons[0]
    assert "the weights of the HTTPRoute were not checked" in decision.reasons[1]


@MODES
def test_a_probe_that_a_policy_refuses_is_a_note(world, canary, back, mode):
    canary(mode)
    world.behaviour.answers["1"] = 403
    outcome, decision = back()
    assert (outcome, world.champion()) == ("rolled_back", "1")
    assert decision.reasons[1].startswith("not reachable by policy")


def test_an_export_that_is_gone_keeps_no_canary_in_place(world, canary, back, tmp_path):
    canary("Standard")
    (tmp_path / "models").rename(tmp_path / "elsewhere")
    outcome, decision = back()
    assert (outcome, world.champion()) == ("rolled_back", "1")
    assert decision.reasons[1].startswith("no probe was sent: ")


@MODES
def test_an_exit_handler_takes_back_an_open_release_of_its_own_run(world, canary, back, mode):
    canary(mode)
    assert back(run_id="run-2")[0] == "rolled_back"
    assert world.champion() == "1"


@MODES
def test_an_exit_handler_leaves_everything_else_alone(world, registered, canary, back, call, mode):
    assert back(run_id="run-2")[0] == "nothing_to_do", "no service and no record"
    canary(mode)
    assert back(run_id="another")[0] == "nothing_to_do"
    assert back(run_id="run-2", version="7")[0] == "nothing_to_do"
    call(promote, service=world.service, model_name=registered.name, version="2", run_id="run-2", timeout_seconds=10)
    world.proxy.writes.seen.clear()
    assert back(run_id="run-2")[0] == "nothing_to_do", "promoted"
    assert world.proxy.writes.seen == []
    assert world.champion() == "2"


@MODES
def test_an_unfinished_promotion_is_finished(world, registered, canary, back, call, apart, mode):
    canary(mode)
    # Killed after the service named it, before the record did.
    code, *_ = apart(
        "kfp_lifecycle.components.promotion.promotion:promote", 2, False, service=world.service,
        model_name=registered.name, version="2", run_id="run-2", timeout_seconds=10,
    )  # fmt: skip
    assert code == -9
    outcome, decision = back(run_id="run-2")
    assert (outcome, world.champion(), registered.champion()) == ("nothing_to_do", "2", "2")
    assert "its promotion is finished" in decision.reasons[0]
    assert newest(world)["state"] == "promoted"


def test_a_first_release_has_nothing_to_go_back_to(world, registered, release, apart, back):
    first = registered.version()
    code, *_ = apart(
        "kfp_lifecycle.components.deployment.deployment:deploy", 3, False, service=world.service, **first,
        deployment_mode="Standard", run_id="run-1",
    )  # fmt: skip
    assert code == -9
    outcome, decision = back()
    assert outcome == "nothing_to_do"
    assert "version 1 was a first release, and there is nothing to go back to" in decision.reasons[0]
    assert newest(world)["state"] == "failed"
    assert world.live()["spec"]["predictor"]["name"] == "v1"


def test_a_first_release_whose_service_was_never_made(world, registered, apart, back):
    apart(
        "kfp_lifecycle.components.deployment.deployment:deploy", 1, False, service=world.service,
        **registered.version(), deployment_mode="Standard", run_id="run-1",
    )  # fmt: skip
    assert world.services() == []
    assert back(run_id="run-1")[0] == "nothing_to_do"
    assert newest(world)["state"] == "failed"


@MODES
def test_a_release_that_was_never_applied_is_closed_and_its_late_write_refused(
    world, registered, release, writes, apart, back, mode
):
    release(**registered.version(), deployment_mode=mode)
    second = registered.version()
    # The deploy sleeps between its look at record and service and its write to the service.
    writes.freeze = True
    with in_background(
        apart, "kfp_lifecycle.components.deployment.deployment:deploy", 2, True, service=world.service, **second,
        deployment_mode=mode, run_id="run-2", timeout_seconds=10,
    ) as late:  # fmt: skip
        assert writes.frozen.wait(60)
        outcome, decision = back(run_id="run-2")
        assert outcome == "rolled_back"
        assert "was recorded and never applied" in decision.reasons[0]
        patched = [status for line, status in world.answers if line == "PATCH"]
        writes.thaw.set()
    assert late.result()[0] == 0
    assert 409 in [status for line, status in world.answers if line == "PATCH"][len(patched) :]


def test_somebody_elses_service_is_left_as_it_is_and_said(world, canary, back):
    canary("Standard")
    live = world.live()
    live["metadata"]["annotations"]["kfp-lifecycle/champion-version"] = "7"
    world.call("PUT", f"/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/{world.service}", live)
    outcome, decision = back()
    assert outcome == "not_restored"
    assert decision.reasons[0].startswith("somebody else changed the service (found champion 7")
    assert newest(world)["state"] == "failed"


def test_without_an_open_release_there_is_nothing_to_do_but_the_alias(world, registered, release, back):
    release(**registered.version())
    registered.client.delete_registered_model_alias(registered.name, "champion")
    outcome, decision = back()
    assert (outcome, registered.champion()) == ("nothing_to_do", "1")
    assert decision.reasons[0].startswith("no release is open")


@MODES
def test_a_judge_with_the_old_epoch_may_write_no_more(world, canary, back, mode):
    canary(mode)
    old, refused = world.record()["epoch"], []
    connection = kubernetes_connection.connect()

    def judge(method: str, path: str) -> int:
        """It wakes up right before the roll back's write to the service, which still looks as the judge left it."""
        if method == "PATCH" and "dryRun" not in path and not refused:
            refused.append("tries")
            for write in (more_traffic, more_evidence):
                with pytest.raises(Superseded, match="is no longer the open one"):
                    write()
                refused.append(write.__name__)
        return 0

    def more_traffic() -> None:
        release_writes.change_service(
            connection, world.service, world.namespace, old, lambda live, _: changed(live, live.spec)
        )

    def more_evidence() -> None:
        release_writes.change_record(
            connection,
            world.service,
            world.namespace,
            lambda record: releases.judged(record, old, weight=50, expires_at=NOW, evidence={}),
        )

    world.proxy.answer = judge
    assert back()[0] == "rolled_back"
    assert refused == ["tries", "more_traffic", "more_evidence"]
    assert world.champion() == "1"
