"""Knative mode on a running cluster: canaryTrafficPercent as KServe and Knative treat it."""

from __future__ import annotations

import threading
from typing import Any

from kfp_lifecycle.local.kserve_controller.conditions import one
from kfp_lifecycle.local.testing import Answer, Cluster


def component(service: dict[str, Any]) -> dict[str, Any]:
    return dict(service["status"]["components"]["predictor"])


def traffic(service: dict[str, Any]) -> list[tuple[str, int, str]]:
    lines = component(service)["traffic"]
    return [(line["revisionName"], line["percent"], line.get("tag", "")) for line in lines]


def test_a_first_deployment_takes_everything_whatever_is_asked(cluster: Cluster, services: Any) -> None:
    service = services.knative("kfirst", services.predictor("1"), 10)
    # As soon as it counts as rolled out, KServe splits 10 to 90 over one and the same revision.
    assert [(name, percent) for name, percent, _ in traffic(service)] == [
        ("kfirst-predictor-00001", 10),
        ("kfirst-predictor-00001", 90),
    ]
    assert component(service)["latestRolledoutRevision"] == "kfirst-predictor-00001"
    answer = cluster.send("kfirst", {})
    assert (answer.status, answer.revision) == (200, "kfirst-predictor-00001")


def test_a_release_from_canary_to_promotion(cluster: Cluster, services: Any) -> None:
    services.knative("kcanary", services.predictor("1"))
    with cluster.traffic("kcanary", rate=100) as steady:
        service = services.knative("kcanary", services.predictor("2"), 20)
        assert traffic(service) == [("kcanary-predictor-00002", 20, "latest"), ("kcanary-predictor-00001", 80, "prev")]
        assert component(service)["latestRolledoutRevision"] == "kcanary-predictor-00001"
        own = {
            tag: cluster.send("kcanary", {}, host=f"{tag}-kcanary-predictor.default.example.com").headers[
                "x-model-version"
            ]
            for tag in ("latest", "prev")
        }
        assert own == {"latest": "2", "prev": "1"}
        before = cluster.server("kcanary-predictor-00002").pid
        service = services.knative("kcanary", services.predictor("2"))
    assert traffic(service) == [("kcanary-predictor-00002", 100, "latest")]
    assert component(service)["latestRolledoutRevision"] == "kcanary-predictor-00002"
    assert component(service)["previousRolledoutRevision"] == "kcanary-predictor-00001"
    assert cluster.server("kcanary-predictor-00002").pid == before
    cluster.wait(lambda: len(cluster.pods("kcanary")) == 1, "the old revision's pod gone")
    assert [result for result in steady.results if result.failed] == []


def test_zero_percent_takes_traffic_off_and_keeps_the_revision(cluster: Cluster, services: Any) -> None:
    services.knative("kback", services.predictor("1"))
    services.knative("kback", services.predictor("2"), 50)
    service = services.knative("kback", services.predictor("2"), 0)
    assert traffic(service) == [("kback-predictor-00002", 0, "latest"), ("kback-predictor-00001", 100, "prev")]
    assert {cluster.send("kback", {}).headers["x-model-version"] for _ in range(30)} == {"1"}
    # Restoring the old spec makes a third revision, not the first again.
    service = services.knative("kback", services.predictor("1"))
    assert component(service)["latestReadyRevision"] == "kback-predictor-00003"


def test_zero_percent_after_a_promotion_swings_to_the_previous_revision(cluster: Cluster, services: Any) -> None:
    services.knative("kswing", services.predictor("1"))
    services.knative("kswing", services.predictor("2"), 50)
    services.knative("kswing", services.predictor("2"))
    service = services.knative("kswing", services.predictor("2"), 0)
    assert traffic(service) == [("kswing-predictor-00002", 0, "latest"), ("kswing-predictor-00001", 100, "prev")]
    # The old revision starts from nothing, and the requests wait for it.
    assert {cluster.send("kswing", {}).headers["x-model-version"] for _ in range(10)} == {"1"}


def test_a_new_revision_that_fails_leaves_the_traffic_on_the_old_one(cluster: Cluster, services: Any) -> None:
    services.knative("kbad", services.predictor("1"))
    bad = services.predictor("2", fail_load="no such estimator") | {"canaryTrafficPercent": 50}
    services.apply("kbad", {"predictor": bad}, mode="Knative")
    cluster.wait(lambda: _transition(cluster, "kbad") == "BlockedByFailedLoad", "the failure")
    service = cluster.get("kbad")
    assert component(service)["latestCreatedRevision"] == "kbad-predictor-00002"
    assert component(service)["latestReadyRevision"] == "kbad-predictor-00001"
    # Knative splits over one and the same revision then.
    assert {name for name, _, _ in traffic(service)} == {"kbad-predictor-00001"}
    predictor = one(service["status"]["conditions"], "PredictorReady")
    assert (predictor["status"], predictor["reason"]) == ("False", "RevisionFailed")
    assert "Container failed with: no such estimator" in predictor["message"]
    assert service["status"]["modelStatus"]["lastFailureInfo"]["message"] == "no such estimator"
    assert {cluster.send("kbad", {}).headers["x-model-version"] for _ in range(20)} == {"1"}


def test_requests_to_a_dead_canary_wait_for_its_restart(cluster: Cluster, services: Any) -> None:
    services.knative("kdead", services.predictor("1"))
    services.knative("kdead", services.predictor("2", load_seconds=2), 100)
    cluster.signal("kdead-predictor-00002")
    # What was under way at that moment fails, there as here.
    cluster.wait(lambda: not _ready(cluster, "kdead-predictor-00002"), "readiness dropped")
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(cluster.send("kdead", {}))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(answer.status, answer.revision) for answer in answers} == {(200, "kdead-predictor-00002")}
    # The weight stays; Ready too. Only the pod says what happened.
    service = cluster.get("kdead")
    assert traffic(service) == [("kdead-predictor-00002", 100, "latest")]
    assert one(service["status"]["conditions"], "Ready")["status"] == "True"
    cluster.wait(lambda: _restarts(cluster, "kdead") == 1, "the restart count")


def test_an_edit_during_a_canary_makes_a_new_revision_and_keeps_the_stable_one(cluster: Cluster, services: Any) -> None:
    services.knative("kedit", services.predictor("1"))
    services.knative("kedit", services.predictor("2"), 20)
    service = services.knative("kedit", services.predictor("3"), 20)
    assert traffic(service) == [("kedit-predictor-00003", 20, "latest"), ("kedit-predictor-00001", 80, "prev")]


def _transition(cluster: Cluster, name: str) -> str:
    return str(cluster.get(name).get("status", {}).get("modelStatus", {}).get("transitionStatus", ""))


def _ready(cluster: Cluster, revision: str) -> bool:
    name = revision.partition("-predictor-")[0]
    pods = [pod for pod in cluster.pods(name) if pod["metadata"]["labels"]["serving.knative.dev/revision"] == revision]
    return all(pod["status"]["containerStatuses"][0]["ready"] for pod in pods)


def _restarts(cluster: Cluster, name: str) -> int:
    pods = [pod["status"]["containerStatuses"][0] for pod in cluster.pods(name)]
    return max(int(pod["restartCount"]) for pod in pods)
