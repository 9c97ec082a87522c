"""Fixtures of the tests: a cluster, a table, and a function that runs the pipeline on both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from returns_pipeline import returns

from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.runner import RunResult

pytest_plugins = ["kfp_lifecycle.local.testing"]

# A judge in a hurry, content with little: enough to see every branch of the pipeline in a test.
QUICK = {"check_seconds": 1, "checks_per_weight": 1, "deadline_seconds": 30, "min_requests": 100, "margin": 0.05}
Release = Callable[..., RunResult]


@pytest.fixture(scope="session")
def cluster(local_cluster: Callable[..., Cluster]) -> Cluster:
    """One cluster for all tests: Kubernetes API, KServe, gateway, MLflow. It starts in seconds and leaves no trace."""
    return local_cluster(mlflow=True)


@pytest.fixture(scope="session")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small table; ten orders are of the shop's own tests."""
    random = np.random.default_rng(0)
    price = random.lognormal(3, 0.5, 400).round(2)
    table = pd.DataFrame(
        {
            "customer": [f"{'test-' if number < 10 else ''}c{number}" for number in range(400)],
            "price": price,
            "items": random.integers(1, 9, 400),
            "returned": (np.log(price) + random.normal(scale=0.2, size=400) > 3).astype(int),
        }
    )
    path = tmp_path_factory.mktemp("orders") / "orders.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def release(cluster: Cluster, orders: Path) -> Release:
    """Run the pipeline; another seed makes another version of the model."""

    def call(service: str, *, seed: int, parameters: dict[str, Any] | None = None, **options: Any) -> RunResult:
        given = {"data_uri": str(orders), "service": service, "namespace": "default", "seed": seed, **QUICK}
        return cluster.run_pipeline(returns, {**given, **(parameters or {})}, **options)

    return call


@pytest.fixture(scope="session")
def champion(release: Release) -> RunResult:
    """The run that released the first version of the service `returns`."""
    return release("returns", seed=1)
