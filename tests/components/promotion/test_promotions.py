"""Does a canary become champion only where nothing has changed since it was judged?"""

from __future__ import annotations

import pytest

from kfp_lifecycle.adapters import mlflow_registry
from kfp_lifecycle.components.promotion.promotion import NotServed, promote
from kfp_lifecycle.components.rollback.rollback import roll_back

MODES = pytest.mark.parametrize("mode", ["Standard", "Knative"])


@pytest.fixture
def canary(world, registered, release):
    """A champion, version 1, and beside it the canary, version 2."""

    def make(mode: str, **arguments) -> dict[str, str]:
        release(**registered.version(), deployment_mode=mode, **arguments)
        second = registered.version()
        assert release(**second, deployment_mode=mode, run_id="run-2")[0] == "canary"
        world.proxy.writes.seen.clear()
        return second

    return make


@pytest.fixture
def promoted(world, registered, call):
    def run(version: str = "2", **arguments):
        values = {"service": world.service, "model_name": registered.name, "version": version, "timeout_seconds": 10}
        return call(promote, **{**values, **arguments})

    return run


@MODES
def test_a_canary_becomes_champion_by_one_write_that_moves_spec_and_name_together(
    world, registered, canary, promoted, mode
):
    second = canary(mode)
    outcome, decision = promoted(run_id="run-3")
    assert (outcome, world.champion(), registered.champion()) == ("promoted", "2", "2")
    assert sum(line.startswith("PATCH") for line in world.proxy.writes.seen) == 1
    predictor = world.live()["spec"]["predictor"]
    assert predictor["model"]["storageUri"] == second["uri"]
    assert predictor.get("name", "") == ("v2" if mode == "Standard" else "")
    assert decision.reasons[0] == "version 2 replaced version 1 and has all traffic"
    assert decision.numbers["probe_milliseconds"] > 0
    newest = world.record()["releases"][-1]
    assert (newest["state"], newest["weight"], newest["run_id"], newest["epoch"]) == ("promoted", 100, "run-3", 3)
    assert newest["finished_at"]


def test_the_replicas_of_the_champion_pass_to_the_one_that_replaces_it(world, canary, promoted):
    canary("Standard", spec_overrides='{"minReplicas": 3}')
    assert world.live()["spec"]["canary"][0]["predictor"]["minReplicas"] == 1
    promoted()
    assert world.live()["spec"]["predictor"]["minReplicas"] == 3


def test_a_knative_promotion_makes_no_new_revision(world, canary, promoted):
    canary("Knative")
    before = world.live()["status"]["components"]["predictor"]
    promoted()
    after = world.live()["status"]["components"]["predictor"]
    assert after["latestCreatedRevision"] == before["latestCreatedRevision"]
    assert after["latestRolledoutRevision"] == before["latestCreatedRevision"]
    assert [each["percent"] for each in after["traffic"]] == [100]


def test_a_route_that_still_splits_the_traffic_is_waited_for_and_said(world, canary, promoted):
    canary("Standard")
    world.behaviour.frozen_routes = True
    with pytest.raises(
        NotServed, match="the HTTPRoute does not give .*-v2-predictor all traffic .found .*-v1-predictor"
    ):
        promoted(timeout_seconds=1)
    assert world.record()["releases"][-1]["finished_at"] is None
    world.behaviour.frozen_routes = False
    world.act()
    assert promoted()[0] == "promoted"


def test_a_route_that_must_not_be_read_is_said_and_does_not_stop_the_promotion(world, canary, promoted):
    canary("Standard")
    world.proxy.answer = lambda method, path: 403 if "httproutes" in path else 0
    outcome, decision = promoted()
    assert outcome == "promoted"
    assert "the weights of the HTTPRoute were not checked" in decision.reasons[1]


@MODES
def test_a_second_call_finds_its_work_done_and_writes_nothing(world, canary, promoted, mode):
    canary(mode)
    promoted()
    world.proxy.writes.seen.clear()
    assert promoted()[0] == "promoted"
    assert world.proxy.writes.seen == []


@MODES
def test_a_canary_that_was_taken_off_is_stale(world, canary, promoted, call, mode):
    canary(mode)
    assert call(roll_back, service=world.service, timeout_seconds=10)[0] == "rolled_back"
    world.proxy.writes.seen.clear()
    outcome, decision = promoted()
    assert outcome == "stale"
    assert "the newest release, of version 2, is rolled_back" in decision.reasons[0]
    assert (world.champion(), world.proxy.writes.seen) == ("1", [])


@MODES
def test_another_champion_than_the_one_judged_against_is_stale(world, canary, promoted, mode):
    canary(mode)
    live = world.live()
    live["metadata"]["annotations"]["kfp-lifecycle/champion-version"] = "7"
    world.call("PUT", f"/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/{world.service}", live)
    outcome, decision = promoted()
    assert outcome == "stale"
    assert "judged against version 1, which is no longer the champion (found champion 7" in decision.reasons[0]
    assert world.proxy.writes.seen == []


@MODES
def test_a_canary_with_other_bytes_is_stale(world, canary, promoted, mode):
    canary(mode)
    live = world.live()
    predictor = live["spec"]["canary"][0]["predictor"] if mode == "Standard" else live["spec"]["predictor"]
    predictor["model"]["env"][1]["value"] = "0" * 64
    world.call("PUT", f"/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/{world.service}", live)
    outcome, decision = promoted()
    assert (outcome, world.proxy.writes.seen) == ("stale", [])
    assert "does not stand beside the champion with digest" in decision.reasons[0]


def test_a_field_that_another_manager_owns_is_not_fought_over(world, canary, promoted):
    canary("Standard")
    live = world.live()
    live["spec"]["predictor"]["minReplicas"] = 2
    world.call("PUT", f"/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/{world.service}", live)
    live = world.live()
    live["spec"]["predictor"]["model"]["storageUri"] = "s3://elsewhere"
    world.call("PUT", f"/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/{world.service}", live)
    outcome, decision = promoted()
    assert outcome == "stale"
    assert ".spec.predictor.model.storageUri" in decision.reasons[0]
    assert world.proxy.writes.seen == []


def test_a_canary_that_never_answered_a_probe_is_not_promoted(world, registered, canary, promoted, monkeypatch):
    canary("Standard")
    path = f"/api/v1/namespaces/team/configmaps/kfp-lifecycle-release-{world.service}"
    found = world.call("GET", path)
    found["data"]["record.json"] = found["data"]["record.json"].replace('"state":"serving"', '"state":"applied"')
    world.call("PUT", path, found)
    outcome, decision = promoted()
    assert (outcome, decision.reasons[0]) == ("stale", "version 2 is applied and has not answered its example yet")


@MODES
def test_a_probe_that_a_policy_refuses_is_a_note(world, canary, promoted, mode):
    canary(mode)
    world.behaviour.answers["2"] = 403
    outcome, decision = promoted()
    assert outcome == "promoted"
    assert decision.reasons[1].startswith("not reachable by policy")


def test_a_champion_that_does_not_answer_is_a_fault_and_a_later_run_finishes_it(world, registered, canary, promoted):
    canary("Standard")
    world.behaviour.answers["2"] = 500
    with pytest.raises(NotServed, match="version 2 .* is champion and does not serve: the model server did not answer"):
        promoted()
    assert world.record()["releases"][-1]["finished_at"] is None
    world.behaviour.answers.clear()
    assert promoted()[0] == "promoted"
    assert (world.record()["releases"][-1]["state"], registered.champion()) == ("promoted", "2")


def test_a_registry_that_fails_is_a_note_and_the_next_call_repairs_the_alias(
    world, registered, canary, promoted, monkeypatch
):
    canary("Standard")
    with monkeypatch.context() as patched:
        patched.setattr(mlflow_registry, "set_alias", _refusing)
        outcome, decision = promoted()
    assert (outcome, registered.champion()) == ("promoted", "1")
    assert "the alias could not be set" in decision.reasons[-1]
    assert promoted()[0] == "promoted"
    assert registered.champion() == "2"


def test_an_alias_that_changed_while_it_was_set_follows_the_service(world, registered, canary, promoted, monkeypatch):
    canary("Standard")
    set_alias, slow = mlflow_registry.set_alias, []

    def late(client, name, alias, version):
        if not slow:
            slow.append(version)
            live = world.live()
            live["metadata"]["annotations"]["kfp-lifecycle/champion-version"] = "1"
            path = f"/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/{world.service}"
            world.call("PUT", path, live)
        return set_alias(client, name, alias, version)

    monkeypatch.setattr(mlflow_registry, "set_alias", late)
    promoted()
    assert (slow, registered.champion()) == (["2"], "1")


def _refusing(*_):
    from mlflow.exceptions import MlflowException

    raise MlflowException("no")
