"""Standard mode on a running cluster: first release, canary, promotion, withdrawal."""

from __future__ import annotations

from typing import Any

from kubernetes.client import CoreV1Api

from kfp_lifecycle.local.kserve_controller.conditions import one
from kfp_lifecycle.local.testing import Cluster
from kfp_lifecycle.local.traffic import shares


def condition(service: dict[str, Any], kind: str) -> dict[str, Any]:
    return dict(one(service["status"].get("conditions", ()), kind))


def test_a_first_release_answers_under_its_host(cluster: Cluster, services: Any) -> None:
    service = services.standard("first", services.arm("1"))
    answer = cluster.send("first", {"inputs": []})
    assert (answer.status, answer.revision) == (200, "first-v1-predictor")
    assert answer.json()["path"] == "/v2/models/first/infer"
    assert answer.headers["x-model-version"] == "1"
    status = service["status"]
    assert status["url"] == "http://first-default.example.com"
    assert status["address"]["url"] == "http://first-v1-predictor.default.svc.cluster.local"
    assert status["deploymentMode"] == "Standard"
    assert status["modelStatus"]["transitionStatus"] == "UpToDate"
    assert status["modelStatus"]["states"] == {"activeModelState": "Loaded", "targetModelState": "Loaded"}
    assert condition(service, "Ready")["status"] == "True"


def test_an_arm_answers_under_its_own_host_whatever_its_weight(cluster: Cluster, services: Any) -> None:
    services.standard("own", services.arm("1"), services.canary("2", 0))
    for port in ("", ":80"):
        answer = cluster.send("own", {}, host=f"own-v2-predictor.default.svc.cluster.local{port}")
        assert answer.headers["x-model-version"] == "2"


def test_a_canary_gets_its_share_within_1_5_points(cluster: Cluster, services: Any) -> None:
    services.standard("share", services.arm("1"), services.canary("2", 10))
    with cluster.traffic("share") as traffic:
        traffic.wait_for(5000)
    results = traffic.results[:5000]
    assert not [result for result in results if result.failed]
    assert abs(shares(results)["share-v2-predictor"] - 10) <= 1.5


def test_twenty_weight_changes_under_load_lose_no_request(cluster: Cluster, services: Any) -> None:
    services.standard("moves", services.arm("1"), services.canary("2", 10))
    with cluster.traffic("moves", rate=200) as traffic:
        for turn in range(20):
            percent = (50, 0, 100, 25)[turn % 4]
            cluster.patch("moves", {"spec": {"canary": [services.canary("2", percent)]}})
            cluster.wait(
                lambda wanted=percent: cluster.weights("moves").get("moves-v2-predictor") == wanted, "the weight"
            )
    assert len(traffic.results) > 100
    assert [result for result in traffic.results if result.failed] == []


def test_a_dark_launch_serves_nothing_and_no_replica_means_no_pod(cluster: Cluster, services: Any) -> None:
    dark = services.canary("2", 0)
    services.standard("dark", services.arm("1"), dark)
    assert cluster.weights("dark") == {"dark-v1-predictor": 100, "dark-v2-predictor": 0}
    assert {cluster.send("dark", {}).revision for _ in range(50)} == {"dark-v1-predictor"}
    # KServe: ceil(minReplicas x 0 %) pods, so that zero percent without minReplicas is no canary at all.
    del dark["predictor"]["minReplicas"]
    cluster.patch("dark", {"spec": {"canary": [dark]}})
    cluster.wait(lambda: len(cluster.pods("dark")) == 1, "the canary's pod gone")
    assert cluster.get("dark")["status"]["canaryStatuses"] == [{"name": "v2", "ready": False, "trafficPercent": 0}]


def test_a_promotion_keeps_the_process_and_loses_no_request(cluster: Cluster, services: Any) -> None:
    services.standard("promoted", services.arm("1"), services.canary("2", 50))
    before = cluster.server("promoted-v2-predictor").pid
    with cluster.traffic("promoted", rate=100) as traffic:
        service = services.standard("promoted", services.arm("2"))
        cluster.wait(lambda: len(cluster.pods("promoted")) == 1, "the old pod gone")
        traffic.wait_for(len(traffic.results) + 50)
    assert [result for result in traffic.results if result.failed] == []
    assert cluster.server("promoted-v2-predictor").pid == before
    assert cluster.weights("promoted") == {"promoted-v2-predictor": 100}
    assert "canaryStatuses" not in service["status"]
    assert condition(service, "CanaryPredictorReady") == {}
    assert cluster.pods("promoted")[0]["status"]["containerStatuses"][0]["restartCount"] == 0


def test_removing_the_entry_stops_the_canary(cluster: Cluster, services: Any) -> None:
    services.standard("withdrawn", services.arm("1"), services.canary("2", 50))
    services.standard("withdrawn", services.arm("1"))
    cluster.wait(lambda: len(cluster.pods("withdrawn")) == 1, "the canary's pod gone")
    assert {cluster.send("withdrawn", {}).revision for _ in range(20)} == {"withdrawn-v1-predictor"}


def test_an_annotation_of_ours_starts_no_pod_and_another_one_does(cluster: Cluster, services: Any) -> None:
    services.standard("annotated", services.arm("1"))
    before = cluster.server("annotated-v1-predictor").pid
    cluster.patch("annotated", {"metadata": {"annotations": {"kfp-lifecycle/champion-version": "1"}}})
    cluster.deny("annotated")
    cluster.deny("annotated", denied=False)
    assert cluster.server("annotated-v1-predictor").pid == before
    cluster.patch("annotated", {"metadata": {"annotations": {"owner": "someone"}}})
    cluster.wait(lambda: _pids(cluster, "annotated-v1-predictor") not in ([], [before]), "a new pod")


def test_a_followed_log_ends_with_its_pod(cluster: Cluster, services: Any) -> None:
    services.standard("followed", services.arm("1"))
    [pod] = cluster.pods("followed")
    api = CoreV1Api(cluster.client())
    stream = api.read_namespaced_pod_log(
        pod["metadata"]["name"], "default", container="kserve-container", follow=True, _preload_content=False
    )
    lines = [next(iter(stream)).decode()]
    cluster.delete("followed")
    lines += [line.decode() for line in stream]
    assert "".join(lines).startswith("loading /")


def test_a_deleted_service_leaves_nothing(cluster: Cluster, services: Any) -> None:
    services.standard("deleted", services.arm("1"))
    cluster.delete("deleted")
    assert cluster.send("deleted", {}).status == 404
    assert cluster.objects.get("HTTPRoute", "default", "deleted") is None
    assert _pids(cluster, "deleted-v1-predictor") == []


def _pids(cluster: Cluster, revision: str) -> list[int]:
    try:
        return [cluster.server(revision).pid]
    except ProcessLookupError:
        return []
