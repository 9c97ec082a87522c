"""The recurring run on the local KFP API: it catches up, judges the windows of its slots, and starts what they ask for.

A real champion in a real MLflow, rows that it served, and from week 18 on a world that has turned against it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from kfp_server_api import ApiException
from kubernetes.client import CoreV1Api
from tests.components.monitoring.conftest import START, WEEKS, Trained, make_rows, serve
from tests.end_to_end.champions import trained_champion

from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.core.run_notes import RunNote, note_of
from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.testing import ClusterFactory

# The second test asks again for what the first one started.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("watching"), pytest.mark.timeout(400)]

TURNED = 18  # the first week in which labels mean the opposite
TRAINING = Path(__file__).parents[1] / "components" / "retraining" / "training_pipeline.py"
MODEL = "people"


@pytest.fixture(scope="module")
def cluster(local_cluster: ClusterFactory) -> Cluster:
    return local_cluster(mlflow=True, kfp=True)


@pytest.fixture(scope="module")
def champion(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return trained_champion(cluster, MODEL, tmp_path_factory.mktemp("champion"))


@pytest.fixture(scope="module")
def log(champion: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the champion was asked and answered in weeks 16 to 22, with its labels."""
    rows = make_rows(WEEKS, 7, seed=2)
    turned = rows["at"] >= START + pd.Timedelta(weeks=TURNED)
    rows.loc[turned, "late"] = ~rows.loc[turned, "late"]
    path = tmp_path_factory.mktemp("log") / "served.parquet"
    serve(rows, champion).to_parquet(path, index=False)
    return path


@pytest.fixture(scope="module")
def uploaded(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the compiled pipelines, which the KFP API has too."""
    out = tmp_path_factory.mktemp("compiled")
    assert main(["compile", "--out", str(out)]) == 0
    subprocess.run([sys.executable, str(TRAINING), str(out / "training.yaml")], check=True)
    files = [out / "pipelines" / "monitor_and_retrain.yaml", out / "pipelines" / "train_and_release.yaml"]
    assert main(["upload", "--host", cluster.kfp_url, *map(str, files), str(out / "training.yaml")]) == 0
    return out / "pipelines"


def watched(log: Path, **changes: Any) -> dict[str, Any]:
    return {
        "data_uri": str(log),
        "model_name": MODEL,
        "pipeline": "training",
        "format": "parquet",
        "label": "late",
        "engine": "native",
        "cooldown": "P14D",
        "namespace": "default",
        **changes,
    }


def note(cluster: Cluster, run_id: str) -> RunNote:
    """What the last step of a run said."""
    kept = CoreV1Api(cluster.client()).read_namespaced_config_map("kfp-lifecycle-runs", "default")
    found = note_of(kept.data or {}, run_id)
    assert found is not None
    return found


def trainings(cluster: Cluster, name: str = "training") -> list[Any]:
    """The runs of the training pipeline, oldest first."""
    found = cluster.kfp_client().list_runs(page_size=200, sort_by="created_at asc").runs or []
    return [run for run in found if run.display_name.startswith(f"{name}-")]


def end_of_week(week: int) -> str:
    return f"{START + pd.Timedelta(weeks=week + 1):%Y-%m-%dT%H:%M:%SZ}"


def test_a_schedule_that_catches_up_judges_the_windows_of_its_slots(
    cluster: Cluster, log: Path, uploaded: Path, tmp_path: Path
) -> None:
    declared = {
        "owner": "tests",
        "schedules": [
            {
                "name": "watch-people",
                "pipeline": "monitor-and-retrain",
                "every": "P7D",
                "start": end_of_week(17),
                "end": end_of_week(21),
                "catch_up": True,
                "max_concurrency": 1,
                "parameters": watched(log, as_of="[[ScheduledTime]]"),
            }
        ],
    }
    path = tmp_path / "schedules.yaml"
    path.write_text(yaml.safe_dump(declared), encoding="utf-8")
    assert main(["schedules", "apply", "--host", cluster.kfp_url, str(path)]) == 0
    client = cluster.kfp_client()

    def slots() -> list[Any]:
        found = client.list_runs(page_size=200, sort_by="created_at asc").runs or []
        return [run for run in found if run.display_name.startswith("watch-people-")]

    def all_done() -> bool:
        made = slots()
        return len(made) == 4 and made[-1].state in ("SUCCEEDED", "FAILED")

    cluster.wait(all_done, "the slots made up for", timeout=240)
    assert main(["schedules", "apply", "--host", cluster.kfp_url, str(_without_schedules(tmp_path))]) == 0
    made = slots()
    said = {_slot(run): note(cluster, run.run_id).said for run in made}
    print(json.dumps(said, indent=2))
    assert {run.state for run in made} == {"SUCCEEDED"}
    answers = {as_of: text.split(":")[0] for as_of, text in said.items()}
    # One week of three is not enough; two are. The week after is too soon, and the one after that is not.
    assert answers == {
        end_of_week(18): "monitor answered alert",
        end_of_week(19): "start_retrain answered start",
        end_of_week(20): answers[end_of_week(20)],
        end_of_week(21): "start_retrain answered start",
    }
    assert answers[end_of_week(20)] in ("start_retrain answered cooling_down", "start_retrain answered already_running")
    started = trainings(cluster)
    assert [run.runtime_config.parameters["as_of"] for run in started] == [end_of_week(19), end_of_week(21)]
    assert {run.runtime_config.parameters["model_name"] for run in started} == {MODEL}


def test_a_retry_years_later_gets_the_window_of_its_as_of(cluster: Cluster, log: Path, uploaded: Path) -> None:
    # The slot of week 19 again, today, and in the middle of the night: its window has its run.
    before = [run.run_id for run in trainings(cluster)]
    client = cluster.kfp_client()
    as_of = str(START + pd.Timedelta(weeks=20, hours=3))
    again = client.create_run_from_pipeline_package(
        str(uploaded / "monitor_and_retrain.yaml"), arguments=watched(log, as_of=as_of), run_name="again"
    )
    assert client.wait_for_run_completion(again.run_id, timeout=120, sleep_duration=1).state == "SUCCEEDED"
    said = note(cluster, again.run_id).said
    assert "already_running" in said
    assert before[0] in said
    assert [run.run_id for run in trainings(cluster)] == before


def test_it_starts_train_and_release_and_a_fault_of_the_data_starts_nothing(
    cluster: Cluster, log: Path, uploaded: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.parquet"
    frame = pd.read_parquet(log)
    newest = frame["_event_time"] >= START + pd.Timedelta(weeks=20)
    frame.loc[newest, "age"] = None
    frame.to_parquet(broken, index=False)
    parameters = {"data_uri": str(log), "label": "late", "service": "people", "window": "P70D"}
    # Another trigger with limits of its own, as the two trainings of before are in the same book.
    asked = {
        "as_of": end_of_week(22),
        "pipeline": "train-and-release",
        "parameters": json.dumps(parameters),
        "trigger": "by-hand",
        "cooldown": "P0D",
        "experiment": "retraining",
    }
    client = cluster.kfp_client()
    package = str(uploaded / "monitor_and_retrain.yaml")
    well = client.create_run_from_pipeline_package(package, arguments=watched(log, **asked), run_name="well")
    assert client.wait_for_run_completion(well.run_id, timeout=120, sleep_duration=1).state == "SUCCEEDED"
    [run] = trainings(cluster, "train-and-release")
    # It is not looked at any further; on a quick machine it has ended by now.
    with suppress(ApiException):
        client.terminate_run(run.run_id)
    given = run.runtime_config.parameters
    assert {name: given[name] for name in ("as_of", "environment", "model_name", "service")} == {
        "as_of": end_of_week(22),
        "environment": "prod",
        "model_name": MODEL,
        "service": "people",
    }
    assert client.get_experiment(run.experiment_id).display_name == "retraining"
    assert f"run {run.run_id} is started" in note(cluster, well.run_id).said

    bad = client.create_run_from_pipeline_package(
        package, arguments=watched(broken, **{**asked, "as_of": end_of_week(21)}), run_name="bad"
    )
    assert client.wait_for_run_completion(bad.run_id, timeout=120, sleep_duration=1).state == "FAILED"
    said = note(cluster, bad.run_id)
    assert said.refused
    assert said.said.startswith("monitor answered data_fault: age: ")
    assert len(trainings(cluster, "train-and-release")) == 1


def _slot(run: Any) -> str:
    text = run.runtime_config.parameters["as_of"]
    return f"{pd.to_datetime(text, format='%Y%m%d%H%M%S'):%Y-%m-%dT%H:%M:%SZ}"


def _without_schedules(folder: Path) -> Path:
    path = folder / "none.yaml"
    path.write_text(yaml.safe_dump({"owner": "tests", "schedules": []}), encoding="utf-8")
    return path
