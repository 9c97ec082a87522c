"""Does the pipeline that a cluster gets take a table to a service that answers, once for each content?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mlflow import MlflowClient

from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.runner import RunResult

pytestmark = pytest.mark.xdist_group("end_to_end")
ROW = {"size": 0.1, "region": "south", "weight": None}


def ask(cluster: Cluster, service: str, row: dict[str, Any] = ROW) -> tuple[int, Any]:
    answer = cluster.send(service, {"instances": [row]}, path=f"/v1/models/{service}:predict")
    return answer.status, answer.json()


def versions(cluster: Cluster, name: str) -> list[Any]:
    return list(MlflowClient(cluster.mlflow_url).search_model_versions(f"name = '{name}'"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_repeating_a_run_changes_nothing_and_another_seed_becomes_a_canary(
    cluster: Cluster, release: Callable[..., RunResult]
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

    other = release("orders", seed=2, canary_percent=50, margin=0.3, min_rows=30)
    assert other.succeeded, other.error
    assert other.task("deploy").outputs["outcome"] == "canary"
    assert sorted(version.version for version in versions(cluster, "orders")) == ["1", "2"]
    assert cluster.weights("orders") == {"orders-v1-predictor": 50, "orders-v2-predictor": 50}
    revisions = {cluster.send("orders").revision for _ in range(60)}
    assert revisions == {"orders-v1-predictor", "orders-v2-predictor"}


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

    tolerated = release("noise", features=["weight"], on_refusal="succeed")
    assert tolerated.succeeded, tolerated.error


@pytest.mark.slow
def test_a_label_that_is_not_there_stops_the_run_at_its_first_gate(release: Callable[..., RunResult]) -> None:
    result = release("absent", label="refunded")
    assert not result.succeeded
    assert "label='refunded'" in result.error
    assert "returned" in result.error
