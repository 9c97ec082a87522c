"""Runs of pipelines on a cluster of a test, with what a test may want to go wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.runner import RUNS, RunResult, run_pipeline
from kfp_lifecycle.local.runner_environment import ENVIRONMENT
from kfp_lifecycle.local.runner_progress import print_event
from kfp_lifecycle.local.state import StateFolder, read_json, write_json


def run_on(
    state: StateFolder,
    pipeline: Any,
    parameters: Mapping[str, Any],
    *,
    code: Sequence[str | Path] = (),
    environment: Mapping[str, str] | None = None,
    after: Mapping[str, Callable[[], object]] | None = None,
) -> RunResult:
    """Run a pipeline to its end.

    Args:
        state: of a running cluster, whose settings the steps get.
        pipeline: a function decorated by ``@dsl.pipeline``, or a compiled file.
        parameters: its arguments, as JSON values.
        code: the user's own modules, which steps can import.
        environment: settings that the steps get instead of the cluster's, such as the address of what is down.
        after: what to call when a task has succeeded, by its name; the run goes on meanwhile.

    Raises:
        InputError: a parameter or the file is wrong and nothing ran, or a task named in ``after`` did not succeed.
    """
    waiting = dict(after or {})

    def progress(event: Mapping[str, Any]) -> None:
        print_event(event)
        if event["event"] == "ended" and event["code"] == 0 and (act := waiting.pop(event["task"], None)):
            act()

    with tempfile.TemporaryDirectory() as folder:
        result = run_pipeline(
            pipeline if isinstance(pipeline, str | Path) else _compiled(pipeline, Path(folder)),
            parameters,
            state=_settings(state, environment, Path(folder)),
            pipeline_root=state[RUNS],
            code=code,
            progress=progress,
        )
    if waiting:
        # A fault that never happened would make a test that can only pass.
        ran = ", ".join(task.name for task in result.tasks)
        remedy = result.error or "Correct the name."
        raise InputError("after", sorted(waiting), f"tasks that succeed, among {ran}", remedy)
    return result


def _compiled(pipeline: Any, folder: Path) -> Path:
    from kfp.compiler import Compiler

    path = folder / "pipeline.yaml"
    Compiler().compile(pipeline, str(path))
    return path


def _settings(state: StateFolder, environment: Mapping[str, str] | None, folder: Path) -> Path:
    """The folder that steps take their settings from: the cluster's, or one with the changes."""
    if not environment:
        return state.path
    write_json(folder / ENVIRONMENT, {**read_json(state[ENVIRONMENT]), **environment})
    return folder
