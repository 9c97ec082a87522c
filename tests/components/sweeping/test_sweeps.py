"""Does a sweep end what was abandoned, and leave alone what is not?"""

from __future__ import annotations

import pytest

from kfp_lifecycle.components.rollback.rollback import roll_back
from kfp_lifecycle.components.sweeping.sweeping import Unswept, sweep
from kfp_lifecycle.core.errors import InputError

MODES = pytest.mark.parametrize("mode", ["Standard", "Knative"])


@pytest.fixture
def canary(world, registered, release):
    def make(mode: str, service: str = "") -> None:
        world.service = service or world.service
        release(**registered.version(), deployment_mode=mode)
        assert release(**registered.version(), deployment_mode=mode, run_id="run-2")[0] == "canary"
        world.proxy.writes.seen.clear()

    return make


@MODES
def test_an_abandoned_canary_is_taken_off(world, registered, canary, call, mode):
    canary(mode)
    world.expire()
    outcome, decision = call(sweep)
    assert (outcome, world.champion(), registered.champion()) == ("restored", "1", "1")
    assert f"{world.service}: release 2 of run 'run-2' was abandoned: the canary was taken off" in decision.reasons[0]
    assert world.record()["releases"][-1]["state"] == "rolled_back"
    assert decision.numbers == {"services": 1, "actions": 1, "failures": 0}


@MODES
def test_a_canary_whose_run_lives_is_left_alone(world, canary, call, mode):
    canary(mode)
    outcome, decision = call(sweep)
    assert (outcome, world.proxy.writes.seen) == ("nothing_to_do", [])
    assert decision.reasons == ("none of 1 services has an abandoned release",)


def test_another_environment_is_left_alone(world, registered, release, call):
    release(**registered.version(), environment="staging")
    release(**registered.version(), environment="staging")
    world.expire()
    assert call(sweep, environment="prod")[0] == "nothing_to_do"
    assert call(sweep, environment="staging")[0] == "restored"


def test_an_alias_that_differs_is_repaired(world, registered, release, call):
    release(**registered.version())
    registered.client.delete_registered_model_alias(registered.name, "champion")
    outcome, decision = call(sweep)
    assert (outcome, registered.champion()) == ("restored", "1")
    assert decision.reasons == (f"{world.service}: the champion's alias was repaired",)


def test_services_that_name_different_champions_of_one_model_move_no_alias_in_turns(world, registered, release, call):
    world.service = "aaa"
    release(**registered.version())
    world.service = "bbb"
    release(**registered.version())
    aliased = registered.champion()
    for _ in range(2):
        outcome, decision = call(sweep)
        assert (outcome, registered.champion()) == ("nothing_to_do", aliased)
        said = f"the alias of '{registered.name}' in 'prod' was left alone, because services name different champions"
        assert decision.reasons == (
            f"{said} (aaa version 1, bbb version 2): give each service an environment of its own",
        )


def test_services_of_other_environments_or_models_contradict_nobody(world, registered, release, call):
    world.service = "aaa"
    release(**registered.version())
    world.service = "bbb"
    release(**registered.version(), environment="staging")
    registered.client.delete_registered_model_alias(registered.name, "champion")
    assert call(sweep)[1].reasons == ("aaa: the champion's alias was repaired",)
    assert registered.champion() == "1"


def test_a_service_that_was_deleted_has_its_release_closed(world, canary, call):
    canary("Standard")
    world.expire()
    world.call("DELETE", f"/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/{world.service}")
    assert call(sweep)[0] == "restored"
    assert world.record()["releases"][-1]["state"] == "failed"
    assert call(sweep)[0] == "nothing_to_do"


def test_one_failing_service_does_not_keep_the_others_from_being_swept(world, registered, canary, call):
    canary("Standard", "aaa-damaged")
    path = "/api/v1/namespaces/team/configmaps/kfp-lifecycle-release-aaa-damaged"
    world.call("PUT", path, {**world.call("GET", path), "data": {"record.json": "{"}})
    registered.name = f"{registered.name}-b"
    canary("Standard", "bbb-changed")
    world.expire()
    live = world.live()
    live["metadata"]["annotations"]["kfp-lifecycle/champion-version"] = "7"
    world.call("PUT", "/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/bbb-changed", live)
    registered.name = f"{registered.name}-c"
    canary("Standard", "ccc-abandoned")
    world.expire()
    with pytest.raises(Unswept, match="2 of 3 services need a look: aaa-damaged: RecordError: .* bbb-changed: release"):
        call(sweep)
    assert world.champion() == "1"
    assert world.record()["releases"][-1]["state"] == "rolled_back"


def test_a_release_that_its_holder_renews_meanwhile_is_left_to_it(world, canary, call, monkeypatch):
    from kfp_lifecycle.components.sweeping import sweeping

    canary("Standard")
    world.expire()
    take_over, record = sweeping.take_over, world.record

    def renewed(connection, service, namespace, seen, **named):
        path = f"/api/v1/namespaces/team/configmaps/kfp-lifecycle-release-{service}"
        found = world.call("GET", path)
        found["data"]["record.json"] = found["data"]["record.json"].replace("2020-01-01", "2099-01-01")
        world.call("PUT", path, found)
        return take_over(connection, service, namespace, seen, **named)

    monkeypatch.setattr(sweeping, "take_over", renewed)
    outcome, decision = call(sweep)
    assert outcome == "nothing_to_do"
    assert "was renewed by run 'run-2' meanwhile" in decision.reasons[0]
    assert record()["releases"][-1]["finished_at"] is None
    assert world.live()["spec"]["canary"]


def test_other_configmaps_of_ours_are_no_records(world, registered, release, call):
    release(**registered.version())
    labels = {"app.kubernetes.io/managed-by": "kfp-lifecycle"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kfp-lifecycle-notes", "labels": labels}}
    world.call("POST", "/api/v1/namespaces/team/configmaps", body)
    assert call(sweep)[1].numbers["services"] == 1


def test_an_empty_namespace_has_nothing_to_do(world, call):
    assert call(sweep)[1].reasons == ("none of 0 services has an abandoned release",)


@pytest.mark.parametrize(("parameter", "value"), [("namespace", "nowhere"), ("environment", "Prod")])
def test_an_argument_that_cannot_be_used_is_named(world, call, parameter, value):
    with pytest.raises(InputError, match=f"^{parameter}="):
        call(sweep, **{parameter: value})


@MODES
def test_a_release_in_parking_is_brought_home(world, canary, call, mode):
    canary(mode)
    world.behaviour.answers["1"] = 500
    assert call(roll_back, service=world.service, timeout_seconds=2)[0] == "not_restored"
    world.behaviour.answers.clear()
    world.expire()
    assert call(sweep)[0] == "restored"
    assert world.champion() == "1"
