"""Does the pipeline release a model, and does it leave the service alone when something fails?"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable

import pytest

from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.runner import RunResult

ROW = json.dumps(
    {
        "inputs": [
            {"name": "price", "shape": [1], "datatype": "FP64", "data": [90.0]},
            {"name": "items", "shape": [1], "datatype": "FP64", "data": [1.0]},
        ]
    }
).encode()
Release = Callable[..., RunResult]


@pytest.fixture(autouse=True)
def all_traffic_at_the_champion(cluster: Cluster, champion: RunResult) -> None:
    """Where every test begins."""
    assert champion.succeeded, champion.error
    assert list(cluster.weights("returns").values()) == [100]


def test_the_first_version_is_served_and_test_orders_are_left_out(cluster: Cluster, champion: RunResult) -> None:
    assert champion.task("deploy").outputs["outcome"] == "first_release"
    assert champion.task("drop-test-orders").outputs["Output"] == 10
    answer = cluster.send("returns", ROW)
    assert (answer.status, answer.json()["outputs"][0]["data"]) == (200, [1])


def test_a_canary_that_hangs_is_taken_off_and_the_run_fails(cluster: Cluster, release: Release) -> None:
    before = cluster.weights("returns")

    def hang() -> None:
        canary = next(name for name in cluster.weights("returns") if name not in before)
        cluster.signal(canary, signal.SIGSTOP)

    with cluster.traffic("returns", rate=30, body=ROW):
        run = release("returns", seed=2, after={"deploy": hang})
    assert not run.succeeded
    assert run.task("judge").outputs["outcome"] == "roll_back"
    assert "not ready" in run.error
    assert cluster.weights("returns") == before
    assert cluster.send("returns", ROW).status == 200


def test_nothing_is_promoted_while_the_metrics_are_down(cluster: Cluster, release: Release) -> None:
    before = cluster.weights("returns")
    nobody = {"KFP_LIFECYCLE_ENVOY_ADMIN_URL": "http://127.0.0.1:9"}
    with cluster.traffic("returns", rate=30, body=ROW) as traffic:
        run = release("returns", seed=3, parameters={"deadline_seconds": 8}, environment=nobody)
    assert not run.succeeded
    assert "undecided" in run.error
    assert cluster.weights("returns") == before
    assert not [result for result in traffic.results if result.failed]


def test_a_version_that_is_no_worse_takes_over_and_no_request_fails(cluster: Cluster, release: Release) -> None:
    before = cluster.weights("returns")
    with cluster.traffic("returns", rate=100, body=ROW) as traffic:
        run = release("returns", seed=4)
    assert run.succeeded, run.error
    assert run.task("promote").outputs["outcome"] == "promoted"
    assert cluster.weights("returns").keys().isdisjoint(before)
    assert not [result for result in traffic.results if result.failed]
