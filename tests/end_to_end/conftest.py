"""One local cluster with the real MLflow and the real model server, the compiled pipelines, and a small table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.runner import RunResult, run_pipeline
from kfp_lifecycle.local.testing import ClusterFactory, local_cluster

__all__ = ["local_cluster"]

ROOT = Path(__file__).parents[2]
Release = Callable[..., RunResult]


def table(rows: int = 1500, seed: int = 0) -> pd.DataFrame:
    """Orders with numbers, categories, missing values and two labels, one of them a number."""
    random = np.random.default_rng(seed)
    size, region = random.normal(size=rows), random.choice(["north", "south", "west"], rows)
    noise = random.normal(scale=0.5, size=rows)
    weight = np.where(random.random(rows) < 0.05, np.nan, random.normal(size=rows))
    signal = size + (region == "south") * 1.5 + noise
    return pd.DataFrame(
        {
            "order_id": [f"o{seed}-{i}" for i in range(rows)],
            "ordered_at": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.arange(rows), unit="h"),
            "size": size,
            "region": region,
            "weight": weight,
            "returned": (signal > 0.5).astype(int),
            "days": signal * 2 + 5,
        }
    )


@pytest.fixture(scope="session")
def cluster(local_cluster: ClusterFactory) -> Cluster:
    return local_cluster(mlflow=True)


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("compiled")
    subprocess.run([sys.executable, ROOT / "compile.py", "--out", out], check=True, capture_output=True)
    return out / "pipelines"


@pytest.fixture(scope="session")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("orders") / "orders.parquet"
    table().to_parquet(path, index=False)
    return path


@pytest.fixture(scope="session")
def run(cluster: Cluster, pipelines: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Run a compiled pipeline by its name."""

    def call(name: str, **parameters: Any) -> RunResult:
        root = tmp_path_factory.mktemp("runs")
        return run_pipeline(pipelines / f"{name}.yaml", parameters, state=cluster.state.path, pipeline_root=root)

    return call


@pytest.fixture(scope="session")
def release(run: Release, orders: Path) -> Release:
    """Run train_and_release on the orders; parameters may be overridden."""

    def call(name: str, **parameters: Any) -> RunResult:
        defaults = {
            "data_uri": str(orders),
            "label": "returned",
            "model_name": name,
            "service": name,
            "time_column": "ordered_at",
            "exclude": ["order_id", "days"],
            "parameters": '{"max_iter": 20}',
            "namespace": "default",
        }
        return run("train_and_release", **{**defaults, **parameters})

    return call


@pytest.fixture(scope="session")
def settled(release: Release) -> str:
    """A service whose version 1 is champion, for tests whose canaries are all taken off."""
    result = release("settled", seed=1)
    assert result.succeeded, result.error
    return "settled"
