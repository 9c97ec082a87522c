"""Does the pipeline that a cluster gets take a table to a service that answers, once for each content?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from kfp_lifecycle.core.decision import load_decision
from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.runner import RunResult

pytestmark = pytest.mark.xdist_group("end_to_end")
ROW = {"size": 0.1, "region": "south", "weight": None}
BODY = json.dumps(
    {
        "inputs": [
            {"name": "size", "shape": [1], "datatype": "FP64", "data": [0.1]},
            {"name": "region", "shape": [1], "datatype": "BYTES", "data": ["south"]},
            {"name": "weight", "shape": [1], "datatype": "FP64", "data": [1.0]},
        ]
    }
).encode()
# A judge in a hurry.
JUDGED = {"canary_percent": 25, "weights": [25, 50], "check_seconds": 2, "checks_per_weight": 1, "deadline_seconds": 90,
          "slo_milliseconds": 250.0}  # fmt: skip


def ask(cluster: Cluster, service: str, row: dict[str, Any] = ROW) -> tuple[int, Any]:
    answer = cluster.send(service, {"instances": [row]}, path=f"/v1/models/{service}:predict")
    return answer.status, answer.json()


def ended(result: RunResult) -> dict[str, Any]:
    """What the exit handler would have told."""
    said: dict[str, Any] = load_decision(Path(result.task("notify").directory) / "decision").inputs
    return said


def versions(cluster: Cluster, name: str) -> list[Any]:
    return list(MlflowClient(cluster.mlflow_url).search_model_versions(f"name = '{name}'"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_repeating_a_run_changes_nothing_and_another_seed_is_judged_and_promoted(
    cluster: Cluster, release: Callable[..., RunResult], run: Callable[..., RunResult]
) -> None:
    first = release("orders", seed=1)
    assert first.succeeded, first.error
    assert first.task("deploy").outputs["outcome"] == "first_release"
    status, answer = ask(cluster, "orders")
    assert (status, answer["predictions"]) == (200, [1])

    again = release("orders", seed=1)
    assert again.succeeded, again.error
    assert again.task("deploy").outputs["outcome"] == "unchanged"
    assert again.task("train").outputs["content_key"] == first.task("train").outputs["content_key"]
    assert [version.version for version in versions(cluster, "orders")] == ["1"]

    with cluster.traffic("orders", rate=150, body=BODY) as traffic:
        other = release("orders", seed=2, margin=0.3, min_rows=30, **JUDGED)
    assert other.succeeded, other.error
    assert other.task("judge").outputs["outcome"] == "promote"
    assert other.task("promote").outputs["outcome"] == "promoted"
    assert other.task("approve").outputs["outcome"] == "approved"
    assert sorted(version.version for version in versions(cluster, "orders")) == ["1", "2"]
    assert cluster.weights("orders") == {"orders-v2-predictor": 100}
    assert MlflowClient(cluster.mlflow_url).get_model_version_by_alias("orders", "champion").version == "2"
    assert not [result for result in traffic.results if result.failed]

    with cluster.traffic("orders", rate=50, body=BODY) as traffic:
        back = run("roll_back_release", service="orders", namespace="default", reason="users complained")
    assert back.task("roll-back").outputs["outcome"] == back.task("conclude").outputs["outcome"] == "rolled_back"
    (revision,) = cluster.weights("orders")
    assert revision.startswith("orders-v1-")
    assert ask(cluster, "orders")[0] == 200
    assert MlflowClient(cluster.mlflow_url).get_model_version_by_alias("orders", "champion").version == "1"
    assert not [result for result in traffic.results if result.failed]
    swept = run("sweep_releases", namespace="default")
    assert swept.task("sweep").outputs["outcome"] == "nothing_to_do"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_a_user_a_canary_is_judged_by_its_own_holdout_and_without_a_judge_it_is_taken_off(
    cluster: Cluster, release: Callable[..., RunResult], settled: str
) -> None:
    rows = {"evidence": "replay", "replay_per_second": 500.0, "disagreement_limit": 0.5}
    other = release(settled, seed=2, margin=0.3, min_rows=30, **{**JUDGED, "min_requests": 50}, **rows)
    # 300 held-out rows are too few to show anything: what is not shown is not promoted.
    assert not other.succeeded
    assert other.task("judge").outputs["outcome"] == "roll_back"
    assert "undecided" in other.error
    assert cluster.weights(settled) == {f"{settled}-v1-predictor": 100}

    # A judge that cannot even begin leaves its canary to the exit handler.
    third = release(settled, seed=3, margin=0.3, min_rows=30, metrics="graphite", on_refusal="succeed", **JUDGED)
    assert not third.succeeded
    assert "metrics='graphite'" in third.error
    assert third.task("deploy").outputs["outcome"] == "canary"
    assert ended(third)["outcome"] == "rolled_back"
    assert cluster.weights(settled) == {f"{settled}-v1-predictor": 100}


@pytest.mark.slow
def test_a_forest_with_integer_parameters_trains_for_regression_from_the_compiled_file(
    cluster: Cluster, release: Callable[..., RunResult]
) -> None:
    result = release(
        "days",
        label="days",
        exclude=["order_id", "returned"],
        estimator="sklearn.ensemble.RandomForestRegressor",
        parameters='{"n_estimators": 12, "max_depth": 6, "min_samples_leaf": 3}',
    )
    assert result.succeeded, result.error
    status, answer = ask(cluster, "days")
    assert status == 200
    assert 5 < answer["predictions"][0] < 12


@pytest.mark.slow
def test_a_refused_candidate_ends_the_run_and_leaves_no_version_and_no_service(
    cluster: Cluster, release: Callable[..., RunResult]
) -> None:
    # Nothing can be learnt from one column of noise, so the floor refuses.
    result = release("noise", features=["weight"])
    assert not result.succeeded
    assert result.task("evaluate").outputs["outcome"] == "fail"
    assert "conclude" in result.error
    assert [task.name for task in result.tasks if task.name in ("register", "deploy")] == []
    assert versions(cluster, "noise") == []


@pytest.mark.slow
def test_a_label_that_is_not_there_stops_the_run_at_its_first_gate(release: Callable[..., RunResult]) -> None:
    result = release("absent", label="refunded")
    assert not result.succeeded
    assert "label='refunded'" in result.error
    assert "returned" in result.error
