"""Status as KServe writes it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.local.kserve_controller.observed import pod, predictor, service

from kfp_lifecycle.local.kserve_controller import conditions as c
from kfp_lifecycle.local.kserve_controller.model_status import model_status
from kfp_lifecycle.local.kserve_controller.standard import arms
from kfp_lifecycle.local.kserve_controller.standard_status import standard_status
from kfp_lifecycle.local.pods.pod import Stage

FAILED = {"stage": Stage.WAITING, "exit_code": 1, "message": "no model.skops", "ended": 50.0}


def status(manifest: dict[str, Any], pods: list[Any], *, now: float = 100.0) -> dict[str, Any]:
    found = arms(manifest, not_propagated=())
    return standard_status(manifest, found, pods, domain="example.com", progress_deadline=600, now=now)


def of(value: dict[str, Any], kind: str) -> tuple[str, str]:
    one = c.one(value["conditions"], kind)
    return one.get("status", ""), one.get("reason", "")


def test_before_anything_runs_it_is_not_ready_and_has_no_address() -> None:
    value = status(service(predictor("1")), [])
    assert of(value, "PredictorReady") == ("False", "MinimumReplicasUnavailable")
    assert of(value, "Ready") == ("False", "Predictor ingress not created")
    assert value["modelStatus"]["transitionStatus"] == "InProgress"
    assert "url" not in value


def test_a_crash_after_ready_keeps_the_address_and_says_not_ready() -> None:
    manifest = service(predictor("1"))
    [arm] = arms(manifest, not_propagated=())
    manifest["status"] = status(manifest, [pod(arm.deployment, arm.template)])
    after = status(manifest, [pod(arm.deployment, arm.template, ready=False, **FAILED)])
    assert after["url"] == "http://demo-default.example.com"
    assert of(after, "Ready")[0] == "False"
    assert after["modelStatus"]["transitionStatus"] == "BlockedByFailedLoad"
    assert after["modelStatus"]["states"] == {"activeModelState": "Loaded", "targetModelState": "FailedToLoad"}
    assert after["modelStatus"]["lastFailureInfo"]["message"] == "no model.skops"


def test_canaries_do_not_touch_ready() -> None:
    manifest = service(predictor("1", name="v1"), (10, predictor("2", name="v2")))
    stable, canary = arms(manifest, not_propagated=())
    value = status(
        manifest, [pod(stable.deployment, stable.template), pod(canary.deployment, canary.template, ready=False)]
    )
    assert of(value, "Ready") == ("True", "")
    assert of(value, "CanaryPredictorReady") == ("False", "CanariesNotReady")
    assert value["canaryStatuses"] == [{"name": "v2", "ready": False, "trafficPercent": 10}]


def test_a_rollout_that_takes_too_long_is_not_ready_although_the_old_pod_serves() -> None:
    manifest = service(predictor("2"))
    [arm] = arms(manifest, not_propagated=())
    pods = [pod(arm.deployment, "old"), pod(arm.deployment, arm.template, ready=False)]
    assert of(status(manifest, pods, now=599), "PredictorReady") == ("True", "MinimumReplicasAvailable")
    assert of(status(manifest, pods, now=601), "PredictorReady") == ("False", "ProgressDeadlineExceeded")


def test_a_condition_that_says_the_same_keeps_its_time() -> None:
    manifest = service(predictor("1"))
    manifest["status"] = status(manifest, [], now=100.0)
    assert status(manifest, [], now=200.0) == manifest["status"]


@pytest.mark.parametrize(
    ("seen", "state", "transition"),
    [
        ({"fetched": False, "stage": Stage.FETCHING}, "Loading", "InProgress"),
        ({"fetched": False, **FAILED}, "FailedToLoad", "BlockedByFailedLoad"),
        ({}, "Pending", "InProgress"),
        (FAILED, "FailedToLoad", "BlockedByFailedLoad"),
        # The next attempt runs: KServe says Pending again, and lastFailureInfo stays.
        ({"exit_code": 1, "restarts": 1}, "Pending", "InProgress"),
    ],
)
def test_the_newest_pod_speaks_for_the_model(seen: dict[str, Any], state: str, transition: str) -> None:
    value = model_status({}, [pod("demo-predictor", "x", ready=False, **seen)], loaded=False)
    assert (value["states"]["targetModelState"], value["transitionStatus"]) == (state, transition)


def test_ready_is_false_before_it_is_unknown() -> None:
    conditions = c.initial()
    c.mark(conditions, c.PREDICTOR, c.UNKNOWN)
    assert c.status_of(conditions, c.READY) == c.UNKNOWN
    c.mark(conditions, c.INGRESS, c.FALSE, "NoIngress")
    c.mark(conditions, c.PREDICTOR, c.UNKNOWN, "Waiting")
    assert conditions[c.READY] == {"type": "Ready", "status": "False", "reason": "NoIngress"}
    c.mark(conditions, c.PREDICTOR, c.TRUE)
    assert c.status_of(conditions, c.READY) == c.FALSE
    c.mark(conditions, c.INGRESS, c.TRUE)
    assert conditions[c.READY] == {"type": "Ready", "status": "True"}
