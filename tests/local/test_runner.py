"""Does a run do what a cluster does, say why it failed, and leave alone what is not its own?"""

from __future__ import annotations

import builtins
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.runner import RunResult, run_pipeline
from kfp_lifecycle.local.runner_environment import settings_origin, step_environment
from kfp_lifecycle.local.runner_progress import describe


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compiled")
    script = Path(__file__).with_name("tiny_pipelines.py")
    subprocess.run([sys.executable, str(script), str(folder)], check=True, capture_output=True)
    return folder


class Events:
    """Everything a run tells, as a user sees it."""

    def __init__(self) -> None:
        self.all: list[Mapping[str, Any]] = []

    def __call__(self, event: Mapping[str, Any]) -> None:
        self.all.append(event)

    @property
    def text(self) -> str:
        return "\n".join(text for text in map(describe, self.all) if text)


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("the condition did not come true")


@pytest.fixture(scope="module")
def good(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResult, Events, Path]:
    """One run that succeeds, below a folder whose name holds what kfp.local writes over."""
    root = tmp_path_factory.mktemp("runs-python3")
    (root / "mine.txt").write_text("kept", encoding="utf-8")
    events = Events()
    parameters = {"number": 3, "names": ["a", "it's"], "options": {"a": [1]}, "text": "/opt/python3.11/bin/python3"}
    result = run_pipeline(compiled / "tiny.yaml", parameters, state=root, pipeline_root=root, progress=events)
    return result, events, root


def test_parameters_arrive_with_their_types(good: tuple[RunResult, Events, Path]) -> None:
    result, _, _ = good
    assert result.succeeded, result.error
    seen = json.loads(result.task("show").outputs["seen"])
    assert seen == [3, 0.5, False, ["a", "it's"], {"a": [1]}, "/opt/python3.11/bin/python3"]
    assert isinstance(seen[0], int)


def test_artifacts_lie_in_the_tasks_folder(good: tuple[RunResult, Events, Path]) -> None:
    result, _, _ = good
    assert (Path(result.task("show").directory) / "file").read_text() == "/opt/python3.11/bin/python3"


def test_ids_and_times_that_kfp_local_cannot_fill_are_filled(good: tuple[RunResult, Events, Path]) -> None:
    result, _, _ = good
    assert result.task("show").outputs["run_id"] == result.run_id
    assert result.task("show").outputs["created"].startswith("20")


def test_tasks_are_told_as_they_start_and_end(good: tuple[RunResult, Events, Path]) -> None:
    _, events, _ = good
    told = [(event["event"], event.get("task")) for event in events.all if event["event"] != "line"]
    assert told.count(("started", "item")) == told.count(("ended", "item")) == 2
    assert told.index(("started", "show")) < told.index(("ended", "show"))
    assert "settings from this shell" in events.text
    assert "show         | number is 3" in events.text
    assert "show         | from stderr" in events.text


def test_what_kfp_itself_says_is_kept_but_not_shown(good: tuple[RunResult, Events, Path]) -> None:
    result, events, _ = good
    assert "KFP Executor" not in events.text
    assert "executorInput" not in events.text
    assert "UserWarning" not in events.text
    assert "KFP Executor" in Path(result.task("show").log).read_text()
    assert "Running pipeline" in (Path(result.directory) / "run.log").read_text()


def test_a_given_folder_survives_and_the_workspace_does_not(good: tuple[RunResult, Events, Path]) -> None:
    result, _, root = good
    assert (root / "mine.txt").read_text() == "kept"
    assert not (Path(result.directory) / "workspace").exists()


def test_the_callers_print_and_interpreter_are_its_own(good: tuple[RunResult, Events, Path]) -> None:
    # kfp.local leaves an indenting print behind after a loop, and this pipeline has one.
    assert builtins.print.__module__ == "builtins"
    assert type(builtins.print).__name__ == "builtin_function_or_method"
    assert Path(sys.executable).is_absolute()


def test_each_log_is_a_file_of_its_own(good: tuple[RunResult, Events, Path]) -> None:
    result, _, _ = good
    logs = {task.log for task in result.tasks}
    assert len(logs) == len(result.tasks) == 3
    assert json.loads((Path(result.directory) / "run.json").read_text())["succeeded"]


def test_a_failure_carries_the_steps_own_traceback_and_is_not_tried_again(compiled: Path, tmp_path: Path) -> None:
    events = Events()
    parameters = {"number": 0, "divide_too": True}
    result = run_pipeline(compiled / "tiny.yaml", parameters, state=tmp_path, progress=events)
    assert not result.succeeded
    assert result.error.startswith("divide failed:\nTraceback")
    assert "return 1 / number" in result.error
    assert "ZeroDivisionError: division by zero" in result.error
    assert "executor_main" not in result.error
    assert [task.name for task in result.tasks].count("divide") == 1
    assert "divide       FAILED" in events.text


def test_a_pipeline_may_have_the_name_of_one_of_its_components(compiled: Path, tmp_path: Path) -> None:
    parameters = {"first": "a", "second": "b"}
    result = run_pipeline(compiled / "item.yaml", parameters, state=tmp_path, progress=Events())
    assert result.succeeded, result.error
    assert (result.pipeline, len(result.tasks)) == ("item", 2)


@pytest.mark.parametrize("name", ["absent.yaml", "divide.yaml"])
def test_a_file_that_cannot_run_is_refused_before_anything_starts(compiled: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"PIPELINE\.yaml"):
        run_pipeline(compiled / name, {}, state=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_steps_get_the_local_clusters_settings_and_no_folder_of_ours(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "environment.json").write_text(json.dumps({"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}))
    (state / "kubeconfig-steps").write_text("{}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere")
    monkeypatch.chdir(Path(__file__).parents[2])
    names = ["MLFLOW_TRACKING_URI", "KUBECONFIG"]
    events = Events()
    result = run_pipeline(compiled / "surroundings.yaml", {"names": names}, state=state, progress=events)
    seen = json.loads(result.task("environment").outputs["Output"])
    assert seen["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:1"
    assert seen["KUBECONFIG"] == str(state / "kubeconfig-steps")
    assert f"settings from the local cluster in {state}" in events.text
    assert seen["python"] == sys.executable
    # From the repository's root, an empty entry would make its kserve/ the kserve package.
    assert not {"", str(Path.cwd())} & set(seen["path"])


@pytest.mark.parametrize("runs", [True, False])
def test_a_cluster_that_does_not_run_leaves_the_users_own_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: bool
) -> None:
    supervisor = psutil.Process()
    # Another start time is that of a process whose number was given out again.
    known = {"pids": {"supervisor": supervisor.pid}, "created": supervisor.create_time() - (0 if runs else 1000)}
    (tmp_path / "cluster.json").write_text(json.dumps(known))
    (tmp_path / "environment.json").write_text(json.dumps({"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}))
    (tmp_path / "kubeconfig-steps").write_text("{}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mine")
    monkeypatch.setenv("KUBECONFIG", "/mine")
    seen = step_environment(tmp_path, [], tmp_path / "bin")
    expected = ("http://127.0.0.1:1", str(tmp_path / "kubeconfig-steps")) if runs else ("http://mine", "/mine")
    assert (seen["MLFLOW_TRACKING_URI"], seen["KUBECONFIG"]) == expected
    assert ("does not run" in settings_origin(tmp_path)) is not runs


@pytest.mark.parametrize("given", ["", "my_estimators.py"])
def test_own_code_can_be_imported_by_steps(compiled: Path, tmp_path: Path, given: str) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "my_estimators.py").write_text("NAME = 'mine'\n")
    result = run_pipeline(compiled / "own.yaml", {}, state=tmp_path, code=[folder / given], progress=Events())
    assert result.task("own-code").outputs == {"Output": "mine"}, result.error


def test_with_the_cache_only_tasks_with_other_inputs_execute_anew(compiled: Path, tmp_path: Path) -> None:
    events = Events()
    for _ in range(2):
        result = run_pipeline(compiled / "tiny.yaml", {"number": 1}, state=tmp_path, cache=True, progress=events)
        assert result.succeeded, result.error
    # The run's id is an input of the other task.
    assert {(task.name, task.cached) for task in result.tasks} == {("show", False), ("item", True)}
    assert "item         taken from the cache" in events.text


def start(compiled: Path, state: Path, marker: Path) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """The command with a step that waits for ever, and the step's two processes."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "kfp_lifecycle.cli", "run", str(compiled / "waiting.yaml")),
            *("--param", f"marker={marker}", "--state", str(state)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts its background jobs with SIGINT ignored, and whatever they start inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    pids = until(lambda: marker.exists() and marker.read_text().endswith("\n") and marker.read_text().split())
    return process, [psutil.Process(int(pid)) for pid in pids]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_step_outlives_the_command(compiled: Path, tmp_path: Path, number: signal.Signals) -> None:
    process, steps = start(compiled, tmp_path, tmp_path / "marker")
    os.kill(process.pid, number)
    _, error = process.communicate(timeout=30)
    _, alive = psutil.wait_procs(steps, timeout=10)
    assert alive == []
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert "interrupted" in error
        assert not list(tmp_path.glob("runs/*/workspace"))
