"""The failures that users meet, on a running cluster."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from typing import Any

import pytest
from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException

from kfp_lifecycle.local.kserve_controller.conditions import one
from kfp_lifecycle.local.testing import Cluster
from kfp_lifecycle.local.traffic import Result


def container(pod: dict[str, Any]) -> dict[str, Any]:
    # A pod is there a moment before its status is.
    [one_container] = pod["status"].get("containerStatuses") or [{"restartCount": 0, "state": {}}]
    return dict(one_container)


def restarts(cluster: Cluster, name: str, revision: str) -> int:
    labels = f"isvc.{revision}"
    return max(
        (container(pod)["restartCount"] for pod in cluster.pods(name) if pod["metadata"]["labels"]["app"] == labels),
        default=0,
    )


def test_a_model_that_does_not_load_blocks_and_says_why(cluster: Cluster, services: Any) -> None:
    services.apply("unloadable", {"predictor": services.arm("1", fail_load="model.skops: checksum differs")})
    cluster.wait(lambda: _transition(cluster, "unloadable") == "BlockedByFailedLoad", "the failure")
    service = cluster.get("unloadable")
    info = service["status"]["modelStatus"]["lastFailureInfo"]
    assert info["message"] == "model.skops: checksum differs"
    assert (info["reason"], info["exitCode"]) == ("ModelLoadFailed", 1)
    assert one(service["status"]["conditions"], "Ready")["status"] == "False"
    predictor = one(service["status"]["conditions"], "PredictorReady")
    assert predictor["reason"] == "MinimumReplicasUnavailable"
    assert cluster.send("unloadable", {}).status == 404
    cluster.wait(lambda: _waiting(cluster, "unloadable") == "CrashLoopBackOff", "the back-off")


def test_a_storage_uri_that_names_nothing_fails_in_the_initializer(cluster: Cluster, services: Any) -> None:
    predictor = services.arm("1")
    predictor["model"]["storageUri"] = "file:///no/such/model"
    services.apply("nowhere", {"predictor": predictor})
    cluster.wait(lambda: _transition(cluster, "nowhere") == "BlockedByFailedLoad", "the failure")
    info = cluster.get("nowhere")["status"]["modelStatus"]["lastFailureInfo"]
    assert "file:///no/such/model" in info["message"]
    [pod] = cluster.pods("nowhere")
    assert pod["status"]["phase"] == "Pending"
    log = cluster.objects.pod_log("default", pod["metadata"]["name"], "storage-initializer")
    assert "file:///no/such/model" in log


def test_a_server_that_is_never_ready_stays_out_of_traffic(cluster: Cluster, services: Any) -> None:
    services.standard("neverready", services.arm("1"))
    services.apply(
        "neverready", {"predictor": services.arm("1"), "canary": [services.canary("2", 50, never_ready=True)]}
    )
    cluster.wait(lambda: len(cluster.pods("neverready")) == 2, "the canary's pod")
    service = cluster.get("neverready")
    # Not part of Ready: only these two say that the canary does not serve.
    assert one(service["status"]["conditions"], "Ready")["status"] == "True"
    assert one(service["status"]["conditions"], "CanaryPredictorReady")["reason"] == "CanariesNotReady"
    assert service["status"]["canaryStatuses"] == [{"name": "v2", "ready": False, "trafficPercent": 50}]
    assert cluster.weights("neverready") == {"neverready-v1-predictor": 100}
    assert {cluster.send("neverready", {}).revision for _ in range(50)} == {"neverready-v1-predictor"}


def test_a_bad_model_under_the_same_name_leaves_the_old_pod_in_traffic(cluster: Cluster, services: Any) -> None:
    services.standard("rolling", services.predictor("1"))
    bad = services.predictor("2", fail_load="boom")
    services.apply("rolling", {"predictor": bad})
    cluster.wait(lambda: restarts(cluster, "rolling", "rolling-predictor") >= 1, "a restart")
    assert cluster.send("rolling", {}).headers["x-model-version"] == "1"
    # kserve#1859: ready with a crashing pod, until the rollout's deadline.
    cluster.wait(lambda: _predictor_reason(cluster, "rolling") == "ProgressDeadlineExceeded", "the deadline")
    assert cluster.send("rolling", {}).headers["x-model-version"] == "1"


def test_a_killed_canary_fails_its_own_share_until_its_readiness_drops(cluster: Cluster, services: Any) -> None:
    services.standard("killed", services.arm("1"), services.canary("2", 50, load_seconds=4))
    with cluster.traffic("killed", rate=200, threads=16) as traffic:
        traffic.wait_for(200)
        killed = time.monotonic()
        cluster.signal("killed-v2-predictor")
        cluster.wait(lambda: not _canary_ready(cluster, "killed"), "readiness dropped")
        dropped = time.monotonic()
        assert cluster.weights("killed") == {"killed-v1-predictor": 100}
        cluster.wait(lambda: time.monotonic() > dropped + 2, "two seconds of traffic")
    failed = [result for result in traffic.results if result.failed]
    print_failures(failed, killed)
    assert failed
    assert {result.revision for result in failed} == {"killed-v2-predictor"}
    assert max(result.at for result in failed) < dropped
    cluster.wait(lambda: _canary_ready(cluster, "killed"), "the canary back")
    assert restarts(cluster, "killed", "killed-v2-predictor") == 1
    [pod] = [pod for pod in cluster.pods("killed") if container(pod)["restartCount"]]
    assert container(pod)["lastState"]["terminated"]["exitCode"] == 137
    cluster.wait(lambda: cluster.weights("killed").get("killed-v2-predictor") == 50, "its weight back")


def print_failures(failed: Sequence[Result], killed: float) -> None:
    last = max((result.at for result in failed), default=killed)
    print(f"{len(failed)} requests failed in {last - killed:.2f} s after the kill")


def test_a_server_that_crashes_after_ready_is_restarted_with_back_off(cluster: Cluster, services: Any) -> None:
    services.apply("crashing", {"predictor": services.arm("1", crash_after=0.7)})
    cluster.wait(lambda: restarts(cluster, "crashing", "crashing-v1-predictor") >= 2, "two restarts")
    [pod] = cluster.pods("crashing")
    assert container(pod)["lastState"]["terminated"]["exitCode"] == 3


def test_a_frozen_server_loses_readiness_and_gets_it_back(cluster: Cluster, services: Any) -> None:
    services.standard("frozen", services.arm("1"), services.canary("2", 50))
    cluster.signal("frozen-v2-predictor", signal.SIGSTOP)
    cluster.wait(lambda: cluster.weights("frozen") == {"frozen-v1-predictor": 100}, "the weight gone")
    assert {cluster.send("frozen", {}).status for _ in range(20)} == {200}
    cluster.signal("frozen-v2-predictor", signal.SIGCONT)
    cluster.wait(lambda: cluster.weights("frozen").get("frozen-v2-predictor") == 50, "the weight back")
    assert restarts(cluster, "frozen", "frozen-v2-predictor") == 0


def test_a_dead_stable_predictor_freezes_the_route(cluster: Cluster, services: Any) -> None:
    services.standard("headless", services.arm("1", load_seconds=2), services.canary("2", 50))
    cluster.signal("headless-v1-predictor")
    cluster.wait(lambda: _predictor_reason(cluster, "headless") == "MinimumReplicasUnavailable", "not ready")
    # KServe writes the HTTPRoute only while the stable predictor is ready.
    assert cluster.weights("headless") == {"headless-v1-predictor": 50, "headless-v2-predictor": 50}
    answers = [cluster.send("headless", {}) for _ in range(40)]
    assert {(answer.status, answer.revision) for answer in answers} <= {
        (503, "headless-v1-predictor"),
        (200, "headless-v2-predictor"),
    }
    cluster.wait_ready("headless")


def test_a_body_above_the_limit_is_refused(cluster: Cluster, services: Any) -> None:
    services.standard("bodies", services.arm("1"))
    assert cluster.send("bodies", b" " * (1 << 20)).status == 200
    assert cluster.send("bodies", b" " * ((1 << 20) + 1)).status == 413


def test_models_cannot_be_loaded_past_the_inference_service(cluster: Cluster, services: Any) -> None:
    services.standard("repository", services.arm("1"))
    for path in ("/v2/repository/models/repository/unload", "/v2//repository/models/x/load"):
        assert cluster.send("repository", b"", path=path).status == 403


def test_denied_access_looks_like_a_mesh_and_not_like_a_model(cluster: Cluster, services: Any) -> None:
    services.standard("denied", services.arm("1"))
    cluster.deny("denied")
    answer = cluster.send("denied", {})
    assert (answer.status, answer.text, answer.revision) == (403, "RBAC: access denied", "")
    cluster.deny("denied", denied=False)
    assert cluster.send("denied", {}).status == 200


def test_an_unknown_runtime_is_an_invalid_spec(cluster: Cluster, services: Any) -> None:
    predictor = services.arm("1")
    predictor["model"]["runtime"] = "no-such-runtime"
    services.apply("runtimeless", {"predictor": predictor})
    cluster.wait(lambda: _transition(cluster, "runtimeless") == "InvalidSpec", "the verdict")
    info = cluster.get("runtimeless")["status"]["modelStatus"]["lastFailureInfo"]
    assert info["reason"] == "RuntimeNotRecognized"


def test_the_webhook_refuses_and_leaves_everything_as_it_was(cluster: Cluster, services: Any) -> None:
    before = services.standard("refused", services.arm("1"))
    with pytest.raises(ApiException) as refused:
        services.apply("refused", {"predictor": services.arm("1"), "canary": [services.canary("1", 10)]})
    assert refused.value.status == 403
    assert 'predictor.name \\"v1\\" conflicts with stable predictor name' in refused.value.body
    assert cluster.get("refused")["metadata"]["generation"] == before["metadata"]["generation"]


def test_a_step_without_the_right_is_refused_by_name(cluster: Cluster) -> None:
    with pytest.raises(ApiException) as refused:
        CoreV1Api(cluster.client(steps=True)).list_namespaced_secret("default")
    assert refused.value.status == 403
    assert 'cannot list resource \\"secrets\\"' in refused.value.body
    assert CoreV1Api(cluster.client(steps=True)).list_namespaced_pod("default") is not None


def _transition(cluster: Cluster, name: str) -> str:
    return str(cluster.get(name).get("status", {}).get("modelStatus", {}).get("transitionStatus", ""))


def _predictor_reason(cluster: Cluster, name: str) -> str:
    return str(one(cluster.get(name)["status"]["conditions"], "PredictorReady").get("reason", ""))


def _canary_ready(cluster: Cluster, name: str) -> bool:
    return bool(cluster.get(name)["status"]["canaryStatuses"][0]["ready"])


def _waiting(cluster: Cluster, name: str) -> str:
    [pod] = cluster.pods(name)
    return str(container(pod)["state"].get("waiting", {}).get("reason", ""))
