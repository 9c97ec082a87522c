"""Promotion and reverse release on the local cluster under steady traffic: does no request fail?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kfp_lifecycle.components.deployment.deployment import deploy
from kfp_lifecycle.components.promotion.promotion import promote
from kfp_lifecycle.components.rollback.rollback import roll_back
from kfp_lifecycle.components.sweeping.sweeping import sweep
from kfp_lifecycle.core.decision import load_decision
from kfp_lifecycle.local.testing import Cluster


@pytest.fixture
def step(
    cluster: Cluster, registered: Any, tmp_path: Path, file: Any
) -> Iterator[Callable[..., tuple[str, tuple[str, ...]]]]:
    """Call a step for the test's service; outcome and reasons."""

    def call(entry: Callable[..., tuple[str]], **arguments: Any) -> tuple[str, tuple[str, ...]]:
        decision, report = file(str(tmp_path / "decision.json")), file(str(tmp_path / "report.html"))
        (outcome,) = entry(decision=decision, report=report, **arguments)
        return outcome, load_decision(decision.path).reasons

    yield call
    cluster.delete(registered.name)
    cluster.objects.delete(cluster.objects.get("ConfigMap", "default", f"kfp-lifecycle-release-{registered.name}"))


@pytest.fixture
def release(cluster: Cluster, registered: Any, step: Any, mode: str, tmp_path: Path) -> Callable[..., str]:
    """Export and deploy another version, whose server behaves as told from its second start on."""
    registered.folder = cluster.state.path

    def call(again: dict[str, Any] | None = None) -> str:
        marker = str(tmp_path / f"started-{registered.name}")
        extra = {"behaviour.json": json.dumps({"marker": marker, "again": again})} if again else {}
        version = registered.version(files=extra)
        outcome, reasons = step(
            deploy, service=registered.name, deployment_mode=mode, timeout_seconds=60, canary_percent=20, **version
        )
        assert outcome in ("first_release", "canary"), reasons
        return version["version"]

    return call


def champion(cluster: Cluster, service: str) -> str:
    cluster.wait_ready(service)
    served = {cluster.send(service, {"inputs": []}).headers["x-model-version"] for _ in range(30)}
    assert served == {cluster.get(service)["metadata"]["annotations"]["kfp-lifecycle/champion-version"]}
    assert "canary" not in cluster.get(service)["spec"]
    return served.pop()


def pid(cluster: Cluster, service: str, mode: str, version: int) -> int:
    arm = f"{service}-v{version}-predictor" if mode == "Standard" else f"{service}-predictor-{version:05d}"
    return cluster.server(arm).pid


@pytest.mark.parametrize("again", [None, {"delay": 5}], ids=["at once", "slowly"])
def test_no_request_fails_through_a_promotion_and_its_reversal(cluster, registered, release, step, mode, again):
    service = registered.name
    release(again)
    release()
    before = pid(cluster, service, mode, 2)
    with cluster.traffic(service, rate=100) as traffic:
        traffic.wait_for(50)
        values = {"service": service, "model_name": service, "version": "2", "timeout_seconds": 60}
        assert step(promote, **values)[0] == "promoted"
        assert (champion(cluster, service), registered.champion()) == ("2", "2")
        assert pid(cluster, service, mode, 2) == before, "the canary's own server goes on"
        traffic.wait_for(len(traffic.results) + 50)
        outcome, reasons = step(roll_back, service=service, undo_promotion=True, timeout_seconds=60)
        assert outcome == "rolled_back", reasons
        traffic.wait_for(len(traffic.results) + 50)
    assert (champion(cluster, service), registered.champion()) == ("1", "1")
    assert [result for result in traffic.results if result.failed] == []


def test_no_request_fails_where_the_version_before_does_not_start(cluster, registered, release, step, mode):
    service = registered.name
    release({"fails": "no such column"})
    release()
    values = {"service": service, "model_name": service, "version": "2", "timeout_seconds": 60}
    assert step(promote, **values)[0] == "promoted"
    with cluster.traffic(service, rate=100) as traffic:
        traffic.wait_for(50)
        outcome, reasons = step(roll_back, service=service, undo_promotion=True, timeout_seconds=60)
        assert outcome == "not_restored"
        traffic.wait_for(len(traffic.results) + 50)
    assert "no such column" in "\n".join(reasons)
    assert (champion(cluster, service), registered.champion()) == ("2", "2")
    assert [result for result in traffic.results if result.failed] == []


def test_no_request_fails_while_a_canary_is_taken_off(cluster, registered, release, step, mode):
    service = registered.name
    release()
    release()
    with cluster.traffic(service, rate=100) as traffic:
        traffic.wait_for(50)
        outcome, reasons = step(roll_back, service=service, timeout_seconds=60)
        assert outcome == "rolled_back", reasons
        traffic.wait_for(len(traffic.results) + 50)
    assert champion(cluster, service) == "1"
    assert [result for result in traffic.results if result.failed] == []


def test_an_abandoned_canary_is_swept(cluster, registered, release, step, mode):
    service = registered.name
    release()
    release()
    record = cluster.objects.get("ConfigMap", "default", f"kfp-lifecycle-release-{service}")
    content = json.loads(record["data"]["record.json"])
    content["releases"][-1]["expires_at"] = "2020-01-01T00:00:00Z"
    name = record["metadata"]["name"]
    cluster.objects.merge("ConfigMap", "default", name, {"data": {"record.json": json.dumps(content)}})
    outcome, reasons = step(sweep)
    assert outcome == "restored", reasons
    assert champion(cluster, service) == "1"
