"""When a service does what it was asked; each line of a status that lies is one that was seen on a cluster."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kfp_lifecycle.core import inference_service, rollout
from kfp_lifecycle.core.inference_service import Mode
from kfp_lifecycle.core.rollout import Asked, Progress

STANDARD = {
    "metadata": {"name": "churn", "namespace": "team", "resourceVersion": "9", "generation": 3, "annotations": {
        "serving.kserve.io/deploymentMode": "Standard", "kfp-lifecycle/champion-version": "1"}},
    "spec": {
        "predictor": {"name": "v1", "model": {"storageUri": "s3://m/1"}},
        "canary": [{"trafficPercent": 10, "predictor": {"name": "v2", "model": {"storageUri": "s3://m/2"}}}],
    },
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "CanaryPredictorReady", "status": "True"}],
        "modelStatus": {"transitionStatus": "UpToDate"},
        "canaryStatuses": [{"name": "v2", "ready": True, "trafficPercent": 10}],
    },
}  # fmt: skip
KNATIVE = {
    "metadata": {"name": "churn", "namespace": "team", "resourceVersion": "9", "generation": 3, "annotations": {
        "serving.kserve.io/deploymentMode": "Knative", "kfp-lifecycle/champion-version": "1"}},
    "spec": {"predictor": {"canaryTrafficPercent": 10, "model": {"storageUri": "s3://m/2"}}},
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}],
        "modelStatus": {"transitionStatus": "UpToDate"},
        "components": {"predictor": {
            "latestCreatedRevision": "r2", "latestReadyRevision": "r2", "latestRolledoutRevision": "r1",
            "traffic": [{"latestRevision": True, "revisionName": "r2", "percent": 10, "tag": "latest"},
                        {"revisionName": "r1", "percent": 90, "tag": "prev"}]}},
    },
}  # fmt: skip
CANARY = Asked(Mode.STANDARD, "s3://m/2", "v2", 10, canary=True)
REVISION = Asked(Mode.KNATIVE, "s3://m/2", "", 10, canary=True, revision_before="r1")
ROUTE = {"spec": {"rules": [{"backendRefs": [
    {"name": "churn-v1-predictor", "weight": 90}, {"name": "churn-v2-predictor", "weight": 10}]}]}}  # fmt: skip


def changed(manifest: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one place changed; None removes it."""
    result = copy.deepcopy(manifest)
    place: Any = result
    *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return result


def look(manifest: dict[str, Any], asked: Asked, **more: Any) -> rollout.Standing:
    return rollout.standing(inference_service.read(manifest), asked, **{"route": ROUTE, **more})


def test_everything_as_asked_is_ready_in_both_modes():
    assert look(STANDARD, CANARY).progress is Progress.READY
    assert look(KNATIVE, REVISION).progress is Progress.READY


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("status", {}, "condition Ready is absent"),
        ("status/conditions/0/status", "Unknown", "condition Ready is Unknown"),
        ("status/modelStatus/transitionStatus", "InProgress", "transition status is InProgress"),
        ("status/conditions/1/status", "False", "CanaryPredictorReady is False"),
        ("status/canaryStatuses", None, "does not know the canary v2"),
        ("status/canaryStatuses/0/ready", False, "canary v2 is not ready"),
        ("status/canaryStatuses/0/trafficPercent", 5, "has 5 % in the status, not 10 %"),
    ],
)
def test_a_standard_canary_is_waited_for_until_all_of_it_holds(path, value, said):
    found = look(changed(STANDARD, path, value), CANARY)
    assert found.progress is Progress.WAITING
    assert any(said in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (None, "without the Gateway API a canary gets no share"),
        ({"spec": {"rules": []}}, "has no rule yet"),
        (
            changed(ROUTE, "spec/rules/0/backendRefs/1/weight", 0),
            "gives churn-v2-predictor 0 % of the traffic, not 10 %",
        ),
        ({"spec": {"rules": [{"backendRefs": [{"name": "churn-v1-predictor"}]}]}}, "gives churn-v2-predictor 0 %"),
    ],
)
def test_the_status_is_not_believed_when_the_route_says_otherwise(route, said):
    found = look(STANDARD, CANARY, route=route)
    assert found.progress is Progress.WAITING
    assert said in found.reasons[0]


def test_a_route_that_cannot_be_read_is_left_out():
    assert look(STANDARD, CANARY, route=None, route_is_readable=False).progress is Progress.READY


def test_weights_are_shares_of_their_sum():
    route = changed(ROUTE, "spec/rules/0/backendRefs/0/weight", 9)
    assert (
        look(STANDARD, CANARY, route=changed(route, "spec/rules/0/backendRefs/1/weight", 1)).progress is Progress.READY
    )


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("latestCreatedRevision", "r1", "no revision was created for the new spec yet"),
        ("latestReadyRevision", "r1", "the latest ready revision is r1, not r2"),
        ("traffic/0/percent", 5, "revision r2 gets 5 % of the traffic, not 10 %"),
        ("traffic", [], "revision r2 gets 0 % of the traffic, not 10 %"),
    ],
)
def test_a_knative_canary_is_waited_for_until_its_own_revision_has_its_share(path, value, said):
    found = look(changed(KNATIVE, f"status/components/predictor/{path}", value), REVISION)
    assert found.progress is Progress.WAITING
    assert said in found.reasons


FAILED = {
    "transitionStatus": "BlockedByFailedLoad",
    "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "boom", "exitCode": 1, "modelRevisionName": "r2"},
    "states": {"targetModelState": "FailedToLoad", "activeModelState": "Loaded"},
    "copies": {"failedCopies": 1},
}


def test_a_model_that_cannot_be_loaded_ends_the_wait_at_once_with_everything_that_is_known():
    found = look(changed(KNATIVE, "status/modelStatus", FAILED), REVISION)
    assert found.progress is Progress.FAILED
    assert found.reasons == (
        "BlockedByFailedLoad: ModelLoadFailed (modelRevisionName r2, exitCode 1)",
        "message: boom",
        "target model state FailedToLoad, active Loaded, failed copies 1",
    )


def test_an_invalid_spec_ends_the_wait_at_once():
    status = {"transitionStatus": "InvalidSpec", "lastFailureInfo": {"reason": "RuntimeNotRecognized"}}
    assert look(changed(KNATIVE, "status/modelStatus", status), REVISION).progress is Progress.FAILED


def test_a_failure_of_the_spec_before_is_not_taken_for_this_one():
    stale = changed(
        changed(KNATIVE, "status/modelStatus", FAILED), "status/components/predictor/latestCreatedRevision", "r1"
    )
    assert look(stale, REVISION).progress is Progress.WAITING
    first = Asked(Mode.STANDARD, "s3://m/1", "v1", 100, canary=False, model_status_before=FAILED)
    assert look(changed(STANDARD, "status/modelStatus", FAILED), first).progress is Progress.WAITING


def test_the_model_status_of_the_stable_arm_says_nothing_about_a_standard_canary():
    found = look(changed(STANDARD, "status/modelStatus", FAILED), CANARY)
    assert found.progress is Progress.WAITING


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"terminated": {"exitCode": 1, "reason": "Error", "message": "boom"}}, "ended with exit code 1: boom"),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, "is in CrashLoopBackOff"),
        ({"waiting": {"reason": "CreateContainerConfigError", "message": "no secret"}}, "Error: no secret"),
    ],
)
@pytest.mark.parametrize("kind", ["containerStatuses", "initContainerStatuses"])
def test_a_standard_canary_whose_pod_cannot_run_ends_the_wait_at_once(state, said, kind):
    pod = {"metadata": {"name": "churn-v2-predictor-x"}, "status": {kind: [{"name": "c", "state": state}]}}
    found = look(STANDARD, CANARY, pods=[pod])
    assert found.progress is Progress.FAILED
    assert said in found.reasons[0]


@pytest.mark.parametrize(
    "state", [{"running": {}}, {"terminated": {"exitCode": 0}}, {"waiting": {"reason": "ImagePullBackOff"}}]
)
def test_a_pod_that_may_still_come_does_not_end_the_wait(state):
    pod = {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"name": "c", "state": state}]}}
    assert look(STANDARD, CANARY, pods=[pod]).progress is Progress.READY


@pytest.mark.parametrize(
    ("manifest", "path", "asked"),
    [
        (STANDARD, "spec/canary/0/predictor/model/storageUri", CANARY),
        (STANDARD, "spec/canary/0/predictor/name", CANARY),
        (KNATIVE, "spec/predictor/model/storageUri", REVISION),
    ],
)
def test_a_spec_that_somebody_changed_is_not_waited_for(manifest, path, asked):
    found = look(changed(manifest, path, "other"), asked)
    assert found.progress is Progress.FAILED
    assert "someone else changed it" in found.reasons[0]


def test_a_first_release_needs_no_canary_and_no_route():
    first = Asked(Mode.STANDARD, "s3://m/1", "v1", 100, canary=False)
    assert look(changed(STANDARD, "spec/canary", None), first, route=None).progress is Progress.READY


ALONE = Asked(Mode.STANDARD, "s3://m/1", "v1", 100, canary=False)
LONE = {"spec": {"rules": [{"backendRefs": [{"name": "churn-v1-predictor", "weight": 1}]}]}}


@pytest.mark.parametrize("route", [LONE, changed(ROUTE, "spec/rules/0/backendRefs/1/weight", 0)])
def test_a_service_without_a_canary_has_all_traffic_when_its_route_says_so(route):
    assert look(changed(STANDARD, "spec/canary", None), ALONE, route=route).progress is Progress.READY


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (ROUTE, "does not give churn-v1-predictor all traffic (found churn-v2-predictor)"),
        (changed(LONE, "spec/rules/0/backendRefs/0/name", "churn-v2-predictor"), "(found churn-v2-predictor)"),
        (changed(LONE, "spec/rules/0/backendRefs/0/weight", 0), "(found no backend)"),
        ({"spec": {"rules": [*LONE["spec"]["rules"], *ROUTE["spec"]["rules"]]}}, "(found churn-v2-predictor)"),
        ({"spec": {}}, "has no rule yet"),
    ],
)
def test_a_route_that_still_sends_traffic_elsewhere_is_waited_for(route, said):
    found = look(changed(STANDARD, "spec/canary", None), ALONE, route=route)
    assert found.progress is Progress.WAITING
    assert said in found.reasons[0]
    assert look(changed(STANDARD, "spec/canary", None), ALONE, route_is_readable=False).progress is Progress.READY
