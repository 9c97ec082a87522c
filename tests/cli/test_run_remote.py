"""What does `run --remote` start on a KFP API, and what does it say of it?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.local.testing import Cluster, local_cluster

__all__ = ["local_cluster"]

COMPILER = Path(__file__).parents[1] / "triggers" / "echo_pipeline.py"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "retrain.yaml"
    subprocess.run([sys.executable, str(COMPILER), str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def shared(local_cluster: Callable[..., Cluster], package: Path) -> Cluster:
    made = local_cluster(kfp=True)
    if not made.kfp_client().get_pipeline_id("retrain"):
        made.kfp_client().upload_pipeline(str(package), pipeline_name="retrain")
    return made


@pytest.fixture
def cluster(shared: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    for name, value in shared.environment().items():
        monkeypatch.setenv(name, value)
    return shared


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text("1,2\n", encoding="utf-8")
    return folder


def runs(cluster: Cluster, model: str) -> list[Any]:
    found = cluster.kfp_client().list_runs(page_size=100, sort_by="created_at asc").runs or []
    return [run for run in found if run.runtime_config.parameters.get("model") == model]


def test_a_file_is_run_with_its_parameters_in_their_types(
    cluster: Cluster, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--param", "model=file", "--param", "rows=7", "--experiment", "remote"]
    assert main(["run", str(package), "--remote", *arguments]) == 0
    [run] = runs(cluster, "file")
    assert run.run_id in capsys.readouterr().out
    assert run.runtime_config.parameters == {"model": "file", "rows": 7}
    experiment = cluster.kfp_client().get_experiment(experiment_id=run.experiment_id)
    assert experiment.display_name == "remote"


def test_an_uploaded_pipeline_is_run_by_its_name_in_its_newest_version(cluster: Cluster) -> None:
    assert main(["run", "retrain", "--remote", "--param", "model=name", "--param", "rows=2"]) == 0
    [run] = runs(cluster, "name")
    client = cluster.kfp_client()
    newest = client.list_pipeline_versions(client.get_pipeline_id("retrain"), sort_by="created_at desc")
    assert run.pipeline_version_reference.pipeline_version_id == newest.pipeline_versions[0].pipeline_version_id


def test_a_key_starts_one_run_however_many_jobs_ask(cluster: Cluster, package: Path) -> None:
    command = [sys.executable, "-m", "kfp_lifecycle.cli", "run", str(package), "--remote", "--once-key", "commit-1"]
    with ThreadPoolExecutor(4) as jobs:
        asked = [jobs.submit(subprocess.run, [*command, "--param", "model=once"], capture_output=True, text=True)
                 for _ in range(4)]  # fmt: skip
    outputs = [each.result() for each in asked]
    assert [each.returncode for each in outputs] == [0] * 4, outputs
    [run] = runs(cluster, "once")
    assert all(run.run_id in each.stdout for each in outputs)
    assert sum("started run" in each.stdout for each in outputs) == 1


def test_only_changed_data_starts_a_run_and_it_is_said_why(
    cluster: Cluster, package: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", str(package), "--remote", "--if-changed", str(data), "--param", "model=data"]

    def said() -> str:
        assert main(command) == 0
        return capsys.readouterr().out

    first = said()
    assert "no run is known" in first and "started run" in first
    unchanged = said()
    assert "unchanged" in unchanged and "started nothing" in unchanged
    (data / "b.csv").write_text("3,4\n", encoding="utf-8")
    changed = said()
    assert "changed from" in changed and "started run" in changed
    (data / "b.csv").unlink()
    # Back to what it was: another change.
    assert "changed from" in said()
    assert len(runs(cluster, "data")) == 3
    assert len({run.display_name for run in runs(cluster, "data")}) == 3


def test_the_same_data_with_other_parameters_is_another_run(
    cluster: Cluster, package: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for rows in ("1", "2", "1"):
        command = ["run", str(package), "--remote", "--if-changed", str(data), "--param", "model=other"]
        assert main([*command, "--param", f"rows={rows}"]) == 0
    assert [run.runtime_config.parameters["rows"] for run in runs(cluster, "other")] == [1, 2]
    assert "unchanged" in capsys.readouterr().out.splitlines()[-1]


def test_waiting_answers_with_the_runs_end(cluster: Cluster, package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", str(package), "--remote", "--wait", "--once-key", "waited", "--param", "model=waited"]
    assert main([*command, "--timeout", "90"]) == 0
    out = capsys.readouterr().out
    assert "SUCCEEDED" in out
    # A second job gets the same answer from the same run.
    assert main([*command, "--timeout", "90"]) == 0
    assert len(runs(cluster, "waited")) == 1


def test_a_run_that_fails_answers_1_with_its_reason(
    cluster: Cluster, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", str(package), "--remote", "--wait", "--timeout", "90", "--param", "model=fail"]
    assert main(command) == 1
    assert "FAILED" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["absent.yaml", "--remote"], "absent.yaml"),
        (["no-such-pipeline", "--remote"], "no-such-pipeline"),
        (["retrain", "--remote", "--param", "rows=x"], "rows"),
        (["retrain", "--remote", "--param", "modle=x"], "Did you mean model"),
        (["retrain", "--remote", "--if-changed", "/absent"], "--if-changed"),
        (["retrain", "--remote", "--once-key", " "], "once_key"),
        (["retrain", "--remote", "--state", "x"], "--state"),
        (["retrain", "--remote", "--cache"], "--cache"),
        (["retrain", "--once-key", "x"], "--remote"),
        (["retrain", "--wait"], "--remote"),
    ],
)
def test_a_wrong_argument_answers_2_and_starts_nothing(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    before = len(cluster.kfp_client().list_runs(page_size=100).runs or [])
    assert main(["run", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("run: ")
    assert named in err
    assert len(cluster.kfp_client().list_runs(page_size=100).runs or []) == before


def test_a_kfp_that_is_away_answers_1(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(package), "--remote", "--host", "http://127.0.0.1:9"]) == 1
    assert "does not answer" in capsys.readouterr().err
