"""periodic_evaluation on the local KFP API: a champion on fresh labelled rows, before and after the world turned."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from kubernetes.client import CoreV1Api
from mlflow import MlflowClient
from tests.components.monitoring.conftest import START, make_rows
from tests.end_to_end.champions import trained_champion

from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.core.run_notes import note_of
from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.testing import ClusterFactory

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("watching"), pytest.mark.timeout(600)]

TURNED = 18  # the first week in which labels mean the opposite
TRAINING = Path(__file__).parents[1] / "components" / "retraining" / "training_pipeline.py"
MODEL, PIPELINE = "visitors", "fitting"


@pytest.fixture(scope="module")
def cluster(local_cluster: ClusterFactory) -> Cluster:
    return local_cluster(mlflow=True, kfp=True)


@pytest.fixture(scope="module")
def version(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The champion, trained on the weeks before."""
    return trained_champion(cluster, MODEL, tmp_path_factory.mktemp("champion")).version


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weeks 15 to 20 with their labels, which nobody has predicted yet."""
    frame = make_rows(15, 5, seed=2)
    turned = frame["at"] >= START + pd.Timedelta(weeks=TURNED)
    frame.loc[turned, "late"] = ~frame.loc[turned, "late"]
    path = tmp_path_factory.mktemp("rows") / "visits.parquet"
    frame.to_parquet(path, index=False)
    return path


@pytest.fixture(scope="module")
def package(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("compiled")
    assert main(["compile", "--out", str(out)]) == 0
    subprocess.run([sys.executable, str(TRAINING), str(out / "training.yaml")], check=True)
    cluster.kfp_client().upload_pipeline(str(out / "training.yaml"), pipeline_name=PIPELINE)
    return str(out / "pipelines" / "periodic_evaluation.yaml")


def test_it_is_told_when_a_champion_gets_worse_and_starts_a_training_when_asked_to(
    cluster: Cluster, version: str, rows: Path, package: str, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    client = cluster.kfp_client()

    def run(after_week: int, **arguments: Any) -> str:
        """What the run's last step said."""
        given = {
            "data_uri": str(rows),
            "label": "late",
            "model_name": MODEL,
            "time_column": "at",
            "output_uri": str(output),
            "data_window": "P21D",
            "as_of": f"{START + pd.Timedelta(weeks=after_week + 1):%Y-%m-%dT%H:%M:%SZ}",
            "rows_per_shard": 2000,
            "namespace": "default",
            "pipeline": PIPELINE,
        }
        made = client.create_run_from_pipeline_package(package, arguments={**given, **arguments}, run_name="evaluation")
        ended = client.wait_for_run_completion(made.run_id, timeout=500, sleep_duration=1)
        assert ended.state == "SUCCEEDED", ended.error
        kept = CoreV1Api(cluster.client()).read_namespaced_config_map("kfp-lifecycle-runs", "default")
        found = note_of(kept.data or {}, made.run_id)
        assert found is not None
        return found.said

    assert run(TURNED - 1).startswith("monitor answered healthy")
    [well] = output.iterdir()
    table = pq.read_table(well, columns=["_row", "_model_version", "at"])
    assert table["_row"].to_pylist() == list(range(table.num_rows))
    assert set(table["_model_version"].to_pylist()) == {version}

    assert run(TURNED + 1).startswith("monitor answered retrain")
    assert trainings(cluster) == []
    [worse] = set(output.iterdir()) - {well}
    before = files(worse)
    assert len(before) >= 2

    said = run(TURNED + 1, retrain=True)
    assert said.startswith("start_retrain answered start")
    [training] = trainings(cluster)
    assert training.run_id in said
    assert training.runtime_config.parameters["model_name"] == MODEL
    assert files(worse) == before, "what was predicted is not predicted again"

    registry = MlflowClient(cluster.mlflow_url)
    place = registry.get_experiment_by_name(MODEL)
    assert place is not None
    outcomes = {run.data.tags.get("kfp-lifecycle.outcome") for run in registry.search_runs([place.experiment_id])}
    assert {"healthy", "retrain"} <= outcomes


def trainings(cluster: Cluster) -> list[Any]:
    found = cluster.kfp_client().list_runs(page_size=200, sort_by="created_at asc").runs or []
    return [run for run in found if run.display_name.startswith(f"{PIPELINE}-")]


def files(folder: Path) -> dict[str, tuple[int, int]]:
    return {it.name: (it.stat().st_ino, it.stat().st_mtime_ns) for it in folder.glob("*.parquet")}
