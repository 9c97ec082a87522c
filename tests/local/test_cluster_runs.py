"""Does a test's run get the cluster's settings, the test's own, and the faults that the test asks for?"""

from pathlib import Path

import pytest
from kfp import compiler, dsl

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.cluster_runs import run_on
from kfp_lifecycle.local.state import StateFolder, write_json


@dsl.component(base_image="example.com/own-python:1", install_kfp_package=False)
def told(name: str) -> str:
    import os

    return os.environ.get(name, "nothing")


@dsl.component(base_image="example.com/own-python:1", install_kfp_package=False)
def seen(path: str, told: str) -> str:
    import pathlib
    import time

    deadline = time.monotonic() + 20
    while not pathlib.Path(path).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return pathlib.Path(path).read_text() if pathlib.Path(path).exists() else "nothing"


@dsl.component(base_image="example.com/own-python:1", install_kfp_package=False)
def breaks() -> str:
    raise ValueError("broken")


@dsl.pipeline(name="own")
def own(name: str, path: str):
    seen(path=path, told=told(name=name).output)


@dsl.pipeline(name="broken")
def broken():
    breaks()


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    """As a cluster leaves it."""
    folder = StateFolder.at(tmp_path / "state")
    write_json(folder["environment.json"], {"PLACE": "cluster", "OTHER": "kept"})
    return folder


def test_something_happens_after_a_task_while_the_run_goes_on(state: StateFolder, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    result = run_on(
        state, own, {"name": "PLACE", "path": str(mark)}, after={"told": lambda: mark.write_text("happened")}
    )
    assert result.succeeded, result.error
    assert result.task("told").outputs["Output"] == "cluster"
    assert result.task("seen").outputs["Output"] == "happened"
    # What the run left is with the cluster, to be looked at when a test fails.
    assert Path(result.directory).is_relative_to(state.path)


def test_a_test_may_say_otherwise_than_the_cluster_for_one_run(state: StateFolder, tmp_path: Path) -> None:
    (tmp_path / "mark").touch()
    compiler.Compiler().compile(own, str(tmp_path / "own.yaml"))
    given = {"name": "PLACE", "path": str(tmp_path / "mark")}
    result = run_on(state, tmp_path / "own.yaml", given, environment={"PLACE": "test"})
    assert result.task("told").outputs["Output"] == "test"
    kept = run_on(state, own, {**given, "name": "OTHER"}, environment={"PLACE": "test"})
    assert kept.task("told").outputs["Output"] == "kept"


def test_a_fault_that_never_happened_is_told(state: StateFolder) -> None:
    with pytest.raises(InputError, match=r"(?s)after=\['breaks'\].*broken"):
        run_on(state, broken, {}, after={"breaks": lambda: None})
