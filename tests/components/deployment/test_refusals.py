"""A version that does not serve is refused, and users get what they got before."""

from __future__ import annotations

import pytest

from kfp_lifecycle.adapters import inference_services
from kfp_lifecycle.components.sweeping.sweeping import sweep

MODES = pytest.mark.parametrize("mode", ["Standard", "Knative"])


@pytest.fixture
def champion(world, registered, release):
    def make(mode: str) -> dict[str, str]:
        first = registered.version()
        release(**first, deployment_mode=mode)
        world.proxy.writes.seen.clear()
        return first

    return make


def stands_alone(world, first: dict[str, str], mode: str) -> bool:
    """Whether the champion is back with all traffic and no trace of a canary."""
    spec = world.live()["spec"]
    assert spec["predictor"]["model"]["storageUri"] == first["uri"]
    assert "canary" not in spec
    assert "canaryTrafficPercent" not in spec["predictor"]
    assert world.live()["metadata"]["annotations"]["kfp-lifecycle/champion-version"] == first["version"]
    if mode == "Knative":
        status = world.live()["status"]["components"]["predictor"]
        assert status["latestRolledoutRevision"] == status["latestCreatedRevision"]
    return True


@MODES
def test_a_canary_that_cannot_be_loaded_is_taken_off_with_the_reason_and_the_pods_last_words(
    world, registered, release, champion, mode
):
    first = champion(mode)
    world.behaviour.fails.add("2")
    outcome, decision = release(**registered.version(), deployment_mode=mode)
    assert outcome == "refused"
    said = "\n".join(decision.reasons)
    assert "boom: no such column" in said
    assert "kserve-container: reading the model" in said
    assert "the canary was taken off; version 1 has all traffic" in said
    assert stands_alone(world, first, mode)
    newest = world.record()["releases"][-1]
    assert newest["state"] == "refused"
    assert newest["finished_at"] is not None


def test_knative_takes_the_traffic_off_before_it_restores(world, registered, release, champion):
    champion("Knative")
    world.behaviour.answers["2"] = 500
    shares = []
    act = world.proxy.forwarded

    def noted(method: str, path: str, status: int) -> None:
        act(method, path, status)
        if "inferenceservices" in path:
            shares.append(world.live()["spec"]["predictor"].get("canaryTrafficPercent"))

    world.proxy.forwarded = noted
    assert release(**registered.version(), deployment_mode="Knative")[0] == "refused"
    assert shares == [10, 0, None]


@MODES
def test_a_canary_that_answers_wrongly_is_taken_off(world, registered, release, champion, mode):
    first = champion(mode)
    world.behaviour.answers["2"] = 500
    outcome, decision = release(**registered.version(), deployment_mode=mode)
    assert outcome == "refused"
    assert "did not answer its own example" in decision.reasons[0]
    assert stands_alone(world, first, mode)


@MODES
def test_a_canary_behind_a_policy_is_refused_for_the_policy_and_not_for_the_model(
    world, registered, release, champion, mode
):
    first = champion(mode)
    world.behaviour.answers["2"] = 403
    outcome, decision = release(**registered.version(), deployment_mode=mode)
    assert outcome == "refused"
    assert decision.reasons[0].startswith("not reachable by policy")
    assert stands_alone(world, first, mode)


@MODES
def test_a_canary_that_is_never_ready_is_taken_off_after_the_timeout(world, registered, release, champion, mode):
    first = champion(mode)
    world.behaviour.never_ready.add("2")
    outcome, decision = release(**registered.version(), deployment_mode=mode, timeout_seconds=2)
    assert outcome == "refused"
    assert decision.reasons[0].startswith("not ready within 2 s: ")
    assert stands_alone(world, first, mode)


def test_while_the_champion_is_parked_the_release_stays_open_and_a_sweep_brings_it_home(
    world, registered, release, champion, call
):
    first = champion("Knative")
    world.behaviour.fails.add("2")
    world.behaviour.never_ready.add("1")
    outcome, decision = release(**registered.version(), deployment_mode="Knative", timeout_seconds=1)
    assert outcome == "refused"
    assert "its restored revision is not ready yet" in "\n".join(decision.reasons)
    assert world.live()["spec"]["predictor"]["canaryTrafficPercent"] == 0
    assert world.record()["releases"][-1]["finished_at"] is None
    world.behaviour.never_ready.clear()
    world.act()
    world.expire()
    assert call(sweep)[0] == "restored"
    assert stands_alone(world, first, "Knative")


@MODES
def test_a_refused_first_release_stays_unnamed_and_the_next_one_replaces_it(world, registered, release, mode):
    world.behaviour.fails.add("1")
    outcome, decision = release(**registered.version(), deployment_mode=mode)
    assert outcome == "refused"
    assert "stays in place without a champion's name" in "\n".join(decision.reasons)
    assert "kfp-lifecycle/champion-version" not in world.live()["metadata"]["annotations"]
    assert registered.champion() == ""
    assert release(**registered.version(), deployment_mode=mode)[0] == "first_release"
    assert registered.champion() == "2"
    assert [each["state"] for each in world.record()["releases"]] == ["refused", "serving"]


def test_a_refused_first_release_that_comes_again_is_not_refused_for_its_old_failure(
    world, registered, release, monkeypatch
):
    first = registered.version()
    world.behaviour.fails.add("1")
    assert release(**first)[0] == "refused"
    act, follow = world.proxy.forwarded, inference_services.follow
    # The controller sees that the model can be loaded now only after the first look.
    world.proxy.forwarded = lambda *_: None

    def later(*arguments):
        for number, live in enumerate(follow(*arguments)):
            yield live
            if number == 0:
                world.behaviour.fails.clear()
                world.proxy.forwarded = act
                world.act()

    monkeypatch.setattr(inference_services, "follow", later)
    assert release(**first)[0] == "first_release"


@MODES
def test_a_first_release_behind_a_policy_serves_once_the_policy_allows_it(world, registered, release, mode):
    first = registered.version()
    world.behaviour.answers["1"] = 401
    outcome, decision = release(**first, deployment_mode=mode)
    assert (outcome, decision.reasons[0][:23]) == ("refused", "not reachable by policy")
    world.behaviour.answers.clear()
    generation = world.live()["metadata"]["generation"]
    assert release(**first, deployment_mode=mode)[0] == "first_release"
    assert world.live()["metadata"]["generation"] == generation, "the model was not started anew"


def test_a_standard_canary_without_a_route_gets_no_share_and_is_refused(world, registered, release, champion):
    world.behaviour.no_routes = True
    first = champion("Standard")
    outcome, decision = release(**registered.version(), timeout_seconds=2)
    assert outcome == "refused"
    assert "without the Gateway API a canary gets no share" in decision.reasons[0]
    assert stands_alone(world, first, "Standard")


def test_a_route_that_must_not_be_read_is_said_and_does_not_stop_the_release(world, registered, release, champion):
    champion("Standard")
    world.proxy.answer = lambda method, path: 403 if "httproutes" in path else 0
    outcome, decision = release(**registered.version())
    assert outcome == "canary"
    assert "the weights of the HTTPRoute were not checked" in decision.reasons[1]


def test_a_release_of_another_run_is_left_alone(world, registered, release, champion):
    champion("Standard")
    release(**registered.version(), run_id="first")
    world.proxy.writes.seen.clear()
    outcome, decision = release(**registered.version(), run_id="second")
    assert outcome == "refused"
    assert "held by run 'first'" in decision.reasons[0]
    assert world.proxy.writes.seen == []


def test_a_field_that_another_manager_owns_is_not_fought_over(world, registered, release, champion):
    champion("Standard")
    live = world.live()
    model = {**live["spec"]["predictor"]["model"], "name": "kserve-container"}
    live["spec"]["canary"] = [{"trafficPercent": 5, "predictor": {"name": "by-hand", "model": model}}]
    world.call("PUT", f"/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/{world.service}", live)
    outcome, decision = release(**registered.version())
    assert outcome == "refused"
    assert "by-hand, which no release of ours put there" in decision.reasons[0]
    assert [each["predictor"]["name"] for each in world.live()["spec"]["canary"]] == ["by-hand"]


def test_a_champion_whose_field_somebody_took_over_is_said_before_anything_is_written(
    world, registered, release, champion
):
    champion("Knative")
    body = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": world.service},
        "spec": {"predictor": {"canaryTrafficPercent": 100}},
    }
    path = f"/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/{world.service}"
    world.call("PATCH", f"{path}?fieldManager=somebody", body, "application/apply-patch+yaml")
    outcome, decision = release(**registered.version(), deployment_mode="Knative")
    assert outcome == "refused"
    assert 'conflict with "somebody": .spec.predictor.canaryTrafficPercent' in decision.reasons[0]
    assert world.proxy.writes.seen == []


def test_a_service_that_changes_under_the_release_is_read_and_decided_again(world, registered, release, champion):
    champion("Standard")
    path = f"/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices/{world.service}"
    touched = []

    def somebody(method: str, asked: str) -> int:
        if method == "PATCH" and "dryRun" not in asked and len(touched) < 2:
            touched.append(asked)
            label = {"metadata": {"labels": {"touched": str(len(touched))}}}
            world.call("PATCH", path, label, "application/merge-patch+json")
        return 0

    world.proxy.answer = somebody
    assert release(**registered.version())[0] == "canary"
    assert world.live()["metadata"]["labels"]["touched"] == "2"
    assert [each["state"] for each in world.record()["releases"]] == ["serving", "serving"]
