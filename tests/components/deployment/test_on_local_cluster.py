"""Releases on the local cluster: its controller, its pods, its gateway, and the rights of the shipped Role."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kfp_lifecycle.components.deployment.deployment import deploy
from kfp_lifecycle.core.decision import load_decision
from kfp_lifecycle.local.testing import Cluster


@pytest.fixture
def release(
    cluster: Cluster, registered: Any, tmp_path: Path, file: Any, mode: str
) -> Iterator[Callable[..., tuple[str, Any]]]:
    """Export and deploy another version of the test's model, whose server behaves as told."""
    registered.folder = cluster.state.path

    def call(behaviour: dict[str, Any] | None = None, **arguments: Any) -> tuple[str, Any]:
        extra = {"behaviour.json": json.dumps(behaviour)} if behaviour else {}
        version = registered.version(files=extra)
        decision, report = file(str(tmp_path / "decision.json")), file(str(tmp_path / "report.html"))
        values = {"service": registered.name, "deployment_mode": mode, "timeout_seconds": 60, **version, **arguments}
        (outcome,) = deploy(decision=decision, report=report, **values)
        return outcome, load_decision(decision.path)

    yield call
    cluster.delete(registered.name)


def shares(cluster: Cluster, service: str, requests: int = 200) -> dict[str, float]:
    """Percent of the answers that each version gave."""
    versions = [cluster.send(service, {"inputs": []}).headers.get("x-model-version", "") for _ in range(requests)]
    return {version: 100 * versions.count(version) / requests for version in set(versions)}


def test_a_first_release_then_a_canary_that_gets_its_share(cluster, registered, release):
    service = registered.name
    assert release(run_id="run-1")[0] == "first_release"
    assert shares(cluster, service) == {"1": 100.0}
    assert registered.champion() == "1"
    outcome, decision = release(run_id="run-2", canary_percent=50)
    assert outcome == "canary", decision.reasons
    split = shares(cluster, service)
    assert set(split) == {"1", "2"}
    assert 35 < split["2"] < 65
    annotations = cluster.get(service)["metadata"]["annotations"]
    assert annotations["kfp-lifecycle/champion-version"] == "1"


def test_a_canary_that_cannot_be_loaded_leaves_the_champion_alone_with_all_traffic(cluster, registered, release):
    service = registered.name
    release()
    outcome, decision = release({"fails": "column age is missing"})
    assert outcome == "refused"
    assert "column age is missing" in "\n".join(decision.reasons)
    cluster.wait_ready(service)
    assert shares(cluster, service, 50) == {"1": 100.0}
    spec = cluster.get(service)["spec"]
    assert "canary" not in spec
    assert "canaryTrafficPercent" not in spec["predictor"]
    assert spec["predictor"]["model"]["env"][0]["value"] == "1"


def test_a_canary_that_answers_wrongly_is_taken_off_without_a_moment_of_all_traffic(cluster, registered, release):
    service = registered.name
    release()
    with cluster.traffic(service, rate=100) as traffic:
        outcome, decision = release({"status": 500}, canary_percent=10)
    assert outcome == "refused"
    assert "did not answer its own example" in decision.reasons[0]
    answers = [result.failed for result in traffic.results]
    # Its ten percent failed while it stood; had it had everything for a moment, a long row of failures would show.
    longest = max((len(row) for row in "".join("x" if bad else "." for bad in answers).split(".")), default=0)
    assert longest <= 6
    assert shares(cluster, service, 50) == {"1": 100.0}


def test_a_refused_first_release_is_replaced_by_the_next(cluster, registered, release):
    service = registered.name
    assert release({"fails": "column age is missing"})[0] == "refused"
    assert "kfp-lifecycle/champion-version" not in cluster.get(service)["metadata"]["annotations"]
    assert release()[0] == "first_release"
    assert shares(cluster, service, 50) == {"2": 100.0}


def test_a_model_server_that_a_policy_hides_is_told_apart(cluster, registered, release):
    service = registered.name
    release()
    cluster.deny(service)
    outcome, decision = release()
    assert outcome == "refused"
    assert decision.reasons[0].startswith("not reachable by policy")
