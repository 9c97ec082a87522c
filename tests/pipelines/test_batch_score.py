"""batch_score: its wiring, and the compiled file run on one machine, also when it is killed in between."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
import yaml
from tests.components.scoring.conftest import Scene, people

from kfp_lifecycle.core.table import read_frame
from kfp_lifecycle.local.runner import RunResult, run_pipeline

RUN = """
import json, sys
from kfp_lifecycle.local.runner import run_pipeline
path, parameters, root = sys.argv[1:]
run_pipeline(path, json.loads(parameters), state=root, pipeline_root=root)
"""
# Python imports this when it starts. The step that is the first to write its shard says so; the others get no further.
HELD = """
import os, pathlib, time
from kfp_lifecycle.adapters import object_store
folder, create = pathlib.Path(__file__).parent, object_store.create_from
def held(uri, *given):
    if "rows-" not in uri:
        return create(uri, *given)
    try:
        (folder / "first").touch(exist_ok=False)
    except FileExistsError:
        while True:
            time.sleep(60)
    made = create(uri, *given)
    (folder / "written").touch()
    return made
object_store.create_from = held
"""
ROWS, CUT = 300, 100
Run = Callable[..., RunResult]


@pytest.fixture
def scene(tmp_path: Path, mlflow_store: str, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", str(tmp_path / "models"))
    made = Scene(tmp_path, mlflow_store)
    made.crown()
    people(ROWS).to_parquet(tmp_path / "people.parquet", index=False)
    return made


@pytest.fixture
def parameters(scene: Scene) -> dict[str, Any]:
    return {
        "data_uri": str(scene.folder / "people.parquet"),
        "model_name": "people",
        "output_uri": scene.output,
        "time_column": "at",
        "rows_per_shard": CUT,
    }


@pytest.fixture
def run(build: Path, scene: Scene, parameters: dict[str, Any]) -> Run:
    def call(**changed: Any) -> RunResult:
        root = scene.folder / "runs"
        path = build / "pipelines" / "batch_score.yaml"
        return run_pipeline(path, {**parameters, **changed}, state=root, pipeline_root=root)

    return call


def wiring(build: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tasks of the pipeline and those of its loop."""
    [package, *_] = yaml.safe_load_all((build / "pipelines" / "batch_score.yaml").read_text(encoding="utf-8"))
    return package["root"]["dag"]["tasks"], package["components"]["comp-for-loop-1"]["dag"]["tasks"]


def test_shards_learn_who_predicts_from_the_plan_alone(build: Path) -> None:
    tasks, looped = wiring(build)
    assert set(tasks) == {"collect", "shard", "for-loop-1", "join"}
    assert set(looped) == {"score"}
    assert set(looped["score"]["inputs"]["parameters"]) == {"shard"}
    assert set(looped["score"]["inputs"]["artifacts"]) == {"plan", "table"}
    asked = tasks["shard"]["inputs"]["parameters"]
    assert {"environment", "version", "model_name"} <= set(asked)


def test_no_step_is_answered_from_the_cache_as_files_may_be_gone(build: Path) -> None:
    tasks, looped = wiring(build)
    for name, task in {**tasks, **looped}.items():
        assert name == "for-loop-1" or not task.get("cachingOptions", {}).get("enableCache", False)


def test_the_loop_is_over_the_shards_and_ends_before_the_join(build: Path) -> None:
    tasks, _ = wiring(build)
    loop = tasks["for-loop-1"]
    assert loop["parameterIterator"]["items"]["inputParameter"] == "pipelinechannel--shard-Output"
    assert "for-loop-1" in tasks["join"]["dependentTasks"]
    assert loop["iteratorPolicy"]["parallelismLimit"] == 8


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_killed_run_goes_on_and_the_same_run_once_more_predicts_nothing(
    run: Run, build: Path, scene: Scene, parameters: dict[str, Any]
) -> None:
    kill_after_the_first_shard(build / "pipelines" / "batch_score.yaml", scene, parameters)
    kept = files(scene)
    assert len(kept) == 1

    second = run()
    assert second.succeeded, second.error
    assert [task.name for task in second.tasks].count("score") == ROWS // CUT
    answer = second.task("join").outputs
    assert (answer["rows"], answer["predicted"], answer["version"]) == (ROWS, ROWS - CUT * len(kept), "1")
    whole = files(scene)
    assert kept.items() <= whole.items() and len(whole) == ROWS // CUT
    table = read_frame(Path(second.task("join").directory) / "predictions")
    assert table["id"].tolist() == people(ROWS)["id"].tolist()
    assert pq.read_table(answer["uri"])["_row"].to_pylist() == list(range(ROWS))

    third = run()
    assert third.succeeded, third.error
    assert third.task("join").outputs == {**answer, "predicted": 0}
    assert files(scene) == whole


def kill_after_the_first_shard(path: Path, scene: Scene, parameters: dict[str, Any]) -> None:
    """Start a run that can write one shard alone, and kill it and its steps once it has."""
    hold = scene.folder / "hold"
    hold.mkdir()
    (hold / "sitecustomize.py").write_text(HELD, encoding="utf-8")
    paths = os.pathsep.join([str(hold), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", RUN, str(path), json.dumps(parameters), str(scene.folder / "runs")]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}) as process:
        try:
            while not (hold / "written").exists():
                assert process.poll() is None, "the run ended before a shard was predicted"
                time.sleep(0.02)
        finally:
            below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            for each in [process, *below]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
    _, alive = psutil.wait_procs(below, timeout=60)
    assert not alive


def files(scene: Scene) -> dict[Path, tuple[int, int]]:
    """The predicted shards, each with what changes when it is written anew."""
    return {it: (it.stat().st_ino, it.stat().st_mtime_ns) for it in Path(scene.output).glob("*/*.parquet")}


def test_what_cannot_be_predicted_ends_the_run_before_the_first_shard(run: Run, scene: Scene) -> None:
    result = run(model_name="strangers")
    assert not result.succeeded
    assert "model_name='strangers': expected a model with a champion" in result.error
    assert not Path(scene.output).exists()
