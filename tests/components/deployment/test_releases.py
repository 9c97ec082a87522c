"""A release from its first write to its last, in both modes, on a cluster that behaves."""

from __future__ import annotations

import pytest

from kfp_lifecycle.adapters import mlflow_registry
from kfp_lifecycle.components.rollback.rollback import roll_back
from kfp_lifecycle.core.errors import InputError

MODES = pytest.mark.parametrize("mode", ["Standard", "Knative"])


@pytest.fixture
def champion(world, registered, release):
    """A first release that serves."""

    def make(mode: str) -> dict[str, str]:
        first = registered.version()
        assert release(**first, deployment_mode=mode)[0] == "first_release"
        world.writes = world.proxy.writes.seen
        world.writes.clear()
        return first

    return make


@MODES
def test_a_first_release_takes_all_traffic_and_is_named_champion_after_its_probe(world, registered, release, mode):
    first = registered.version()
    outcome, decision = release(**first, deployment_mode=mode, canary_percent=10, run_id="run-1")
    assert outcome == "first_release"
    live = world.live()
    annotations, predictor = live["metadata"]["annotations"], live["spec"]["predictor"]
    assert annotations["serving.kserve.io/deploymentMode"] == mode
    assert annotations["kfp-lifecycle/champion-version"] == "1"
    assert predictor["model"]["storageUri"] == first["uri"]
    assert predictor["model"]["runtime"] == "kfp-lifecycle-serve"
    assert predictor["model"]["env"] == [
        {"name": "KFP_LIFECYCLE_MODEL_VERSION", "value": "1"},
        {"name": "KFP_LIFECYCLE_MODEL_DIGEST", "value": first["digest"]},
    ]
    assert predictor.get("name", "") == ("v1" if mode == "Standard" else "")
    assert live["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "kfp-lifecycle"
    assert {each["manager"] for each in live["metadata"]["managedFields"] if "subresource" not in each} == {
        "kfp-lifecycle"
    }
    assert registered.champion() == "1"
    (only,) = world.record()["releases"]
    assert (only["state"], only["from_version"], only["to_version"], only["run_id"]) == ("serving", "", "1", "run-1")
    assert only["finished_at"] is not None
    assert decision.numbers["weight_percent"] == 100
    assert decision.numbers["probe_milliseconds"] > 0


@MODES
def test_a_second_version_gets_its_share_beside_the_champion(world, registered, release, champion, mode):
    first = champion(mode)
    second = registered.version()
    outcome, decision = release(**second, canary_percent=25, deployment_mode="", run_id="run-2")
    assert outcome == "canary"
    spec = world.live()["spec"]
    if mode == "Standard":
        assert spec["predictor"]["model"]["storageUri"] == first["uri"]
        (canary,) = spec["canary"]
        assert (canary["trafficPercent"], canary["predictor"]["name"]) == (25, "v2")
        assert canary["predictor"]["model"]["storageUri"] == second["uri"]
    else:
        assert (spec["predictor"]["canaryTrafficPercent"], "canary" in spec) == (25, False)
        assert spec["predictor"]["model"]["storageUri"] == second["uri"]
    assert world.live()["metadata"]["annotations"]["kfp-lifecycle/champion-version"] == "1"
    assert registered.champion() == "1"
    newest = world.record()["releases"][-1]
    assert (newest["state"], newest["from_version"], newest["weight"], newest["finished_at"]) == (
        "serving",
        "1",
        25,
        None,
    )
    assert newest["previous_spec"]["predictor"]["model"]["storageUri"] == first["uri"]
    assert decision.inputs["champion_before"] == "1"


@MODES
def test_what_is_there_already_writes_nothing(world, registered, release, champion, mode):
    first = champion(mode)
    assert release(**first, run_id="again", deployment_mode=mode)[0] == "unchanged"
    second = registered.version()
    release(**second, deployment_mode=mode)
    world.writes.clear()
    assert release(**second, run_id="again", deployment_mode=mode)[0] == "canary"
    assert world.writes == []


def test_an_alias_that_somebody_moved_is_repaired(world, registered, release, champion):
    first = champion("Standard")
    registered.version()
    registered.client.set_registered_model_alias(registered.name, "champion", "2")
    assert release(**first)[0] == "unchanged"
    assert registered.champion() == "1"


def test_a_lost_alias_is_set_again_beside_a_canary(world, registered, release, champion):
    champion("Standard")
    registered.client.delete_registered_model_alias(registered.name, "champion")
    assert release(**registered.version())[0] == "canary"
    assert registered.champion() == "1"


def test_a_champion_that_mlflow_lost_does_not_stop_a_canary(world, registered, release, champion):
    champion("Standard")
    second = registered.version()
    registered.client.delete_model_version(registered.name, "1")
    outcome, decision = release(**second)
    assert outcome == "canary"
    assert "MLflow has no version 1" in decision.reasons[-1]


def test_an_alias_that_cannot_be_set_is_said_and_the_next_deploy_sets_it(world, registered, release, monkeypatch):
    def refusing(*_: object) -> bool:
        raise InputError("MLFLOW_TRACKING_URI", "http://mlflow", "an MLflow server that answers", "Start it.")

    first = registered.version()
    with monkeypatch.context() as patched:
        patched.setattr(mlflow_registry, "set_alias", refusing)
        outcome, decision = release(**first)
    assert outcome == "first_release"
    assert decision.reasons[-1].startswith("the alias could not be set: MLFLOW_TRACKING_URI=")
    assert world.record()["releases"][-1]["finished_at"] is not None
    assert release(**first)[0] == "unchanged"
    assert registered.champion() == "1"


def test_the_writes_of_a_canary_are_the_record_then_the_service_then_the_record(world, registered, release, champion):
    champion("Standard")
    release(**registered.version())
    service, record = f"inferenceservices/{world.service}", f"configmaps/kfp-lifecycle-release-{world.service}"
    assert [line.partition(" ")[0] + " " + line.rpartition("namespaces/team/")[2] for line in world.writes] == [
        f"PUT {record}",
        f"PATCH {service}",
        f"PUT {record}",
        f"PUT {record}",
    ]


@MODES
def test_a_canary_left_by_a_dead_run_is_replaced_once_it_expired(
    world, registered, release, champion, mode, monkeypatch
):
    first = champion(mode)
    release(**registered.version(), deployment_mode=mode, run_id="dead")
    third = registered.version()
    assert release(**third, deployment_mode=mode)[0] == "refused"
    from datetime import timedelta

    from kfp_lifecycle.components.deployment import execution

    now = execution.now
    monkeypatch.setattr(execution, "now", lambda: now() + timedelta(hours=2))
    outcome, _ = release(**third, deployment_mode=mode, run_id="alive")
    assert outcome == "canary"
    _, dead, alive = world.record()["releases"]
    assert (dead["state"], alive["state"], alive["epoch"]) == ("failed", "serving", 3)
    assert alive["previous_spec"]["predictor"]["model"]["storageUri"] == first["uri"]
    arms = [each["predictor"]["name"] for each in world.live()["spec"].get("canary", [])]
    assert arms == (["v3"] if mode == "Standard" else [])


def test_callers_that_bypass_the_split_are_named(world, registered, release, champion, capsys):
    champion("Standard")
    release(**registered.version())
    said = capsys.readouterr().out
    assert f"{world.service}-v1-predictor.team.svc.cluster.local bypass it" in said
    assert f"{world.service}-team.example.com through the gateway" in said


def test_overrides_reach_the_arm(world, registered, release):
    overrides = '{"serviceAccountName": "reader", "model": {"resources": {"limits": {"memory": "1Gi"}}}}'
    release(**registered.version(), spec_overrides=overrides)
    predictor = world.live()["spec"]["predictor"]
    assert (predictor["serviceAccountName"], predictor["model"]["resources"]) == (
        "reader",
        {"limits": {"memory": "1Gi"}},
    )


def test_an_api_that_fails_twice_at_everything_is_not_noticed(world, registered, release):
    asked: dict[tuple[str, str], int] = {}

    def failing(method: str, path: str) -> int:
        key = (method, path.partition("resourceVersion")[0])
        asked[key] = asked.get(key, 0) + 1
        return 500 if asked[key] <= 2 else 0

    world.proxy.answer = failing
    assert release(**registered.version())[0] == "first_release"
    assert len(world.record()["releases"]) == 1


@MODES
def test_a_canary_that_was_taken_off_may_come_again_under_a_fresh_name(
    world, registered, release, champion, call, mode
):
    champion(mode)
    second = registered.version()
    release(**second, deployment_mode=mode)
    assert call(roll_back, service=world.service, timeout_seconds=10)[0] == "rolled_back"
    assert release(**second, deployment_mode=mode)[0] == "canary"
    arms = [each["predictor"]["name"] for each in world.live()["spec"].get("canary", [])]
    assert arms == (["v2-e4"] if mode == "Standard" else [])
