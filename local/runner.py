"""Run a compiled pipeline on this machine, by ``kfp.local`` in a process of its own.

The same YAML that a cluster gets. Every step is a process; its whole output is in a file, its artifacts are in a
folder, and what failed is told with the step's own traceback. Nothing that exists before a run is deleted by it.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kfp_lifecycle.local.code_digest import code_digest
from kfp_lifecycle.local.runner_environment import settings_origin, step_environment
from kfp_lifecycle.local.runner_parameters import check_arguments
from kfp_lifecycle.local.runner_progress import print_event
from kfp_lifecycle.local.runner_session import Stop, events, exit_code, plain, run_process, workspace
from kfp_lifecycle.local.runner_specification import Specification, load_specification, local_copy
from kfp_lifecycle.local.runner_task import TaskResult, task_result
from kfp_lifecycle.local.state import DEFAULT_FOLDER

Progress = Callable[[Mapping[str, Any]], None]
RUNS = "runs"
CACHE = "cache"


@dataclass(frozen=True)
class RunResult:
    """A run that came to its end; ``error`` names the failed step and holds its traceback.

    Attributes:
        stopped: it did not succeed because its end was asked for, and not by itself before that.
    """

    run_id: str
    pipeline: str
    succeeded: bool
    seconds: float
    directory: str
    tasks: tuple[TaskResult, ...]
    error: str
    stopped: bool = False

    def task(self, name: str) -> TaskResult:
        """The task of this name.

        Raises:
            KeyError: it did not run.
        """
        for task in self.tasks:
            if task.name == name:
                return task
        raise KeyError(f"{name} did not run; {[task.name for task in self.tasks]} did")


@dataclass(frozen=True)
class PreparedRun:
    """A run that can start: its folder holds all that its process needs."""

    run_id: str
    pipeline: str
    directory: Path
    environment: dict[str, str]
    settings: str

    @property
    def order(self) -> Path:
        """The file that says what to run."""
        return self.directory / "order.json"


def run_pipeline(
    path: str | Path,
    parameters: Mapping[str, Any],
    *,
    state: str | Path | None = None,
    code: Sequence[str | Path] = (),
    pipeline_root: str | Path | None = None,
    run_id: str = "",
    cache: bool = False,
    progress: Progress = print_event,
) -> RunResult:
    """Run a compiled pipeline to its end.

    Args:
        path: a compiled pipeline or component.
        parameters: its arguments, as JSON values.
        state: the state folder of the local cluster whose settings the steps get (default ``~/.kfp-lifecycle``).
        code: the user's own modules; steps can import them and ``train`` accepts estimators from them.
        pipeline_root: where the run's folder is made (default: ``runs`` in the state folder).
        run_id: what the steps see as the KFP run id; a new one if empty.
        cache: take a task's outputs from an earlier run with equal inputs and code, where the pipeline allows it.
        progress: called with every event of the run.

    Raises:
        InputError: a parameter or the file is wrong; nothing ran.
        KeyboardInterrupt: the run was interrupted; its processes are gone.
    """
    specification = load_specification(path)
    run_id = run_id or str(uuid.uuid4())
    home = Path(state).expanduser().resolve() if state else DEFAULT_FOLDER
    root = Path(pipeline_root).expanduser().resolve() if pipeline_root else home / RUNS
    directory = new_directory(root, specification.name, run_id)
    prepared = prepare(
        specification, parameters, run_id=run_id, directory=directory, state=home, code=code, cache=cache
    )
    return execute(prepared, progress=progress)


def new_directory(root: Path, pipeline: str, run_id: str) -> Path:
    """A name that no other run's folder has."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", pipeline).lstrip(".")
    return root / f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{run_id[:8]}-{uuid.uuid4().hex[:4]}"


def prepare(
    specification: Specification,
    parameters: Mapping[str, Any],
    *,
    run_id: str,
    directory: Path,
    state: Path,
    code: Sequence[str | Path] = (),
    cache: bool = False,
    scheduled: datetime | None = None,
) -> PreparedRun:
    """Check the parameters and make the run's folder.

    Args:
        scheduled: the slot of a recurring run.

    Raises:
        InputError: a parameter or a path of ``code`` is wrong; there is no folder.
    """
    arguments = check_arguments(parameters, specification.inputs)
    digest = code_digest(code) if cache else ""
    environment = step_environment(state, code, directory / "bin")
    (directory / "logs").mkdir(parents=True)
    now = datetime.now(UTC)
    document = local_copy(specification, run_id=run_id, started=now, scheduled=scheduled or now, code_digest=digest)
    (directory / "pipeline.yaml").write_text(json.dumps(document), encoding="utf-8")
    prepared = PreparedRun(run_id, specification.name, directory, environment, settings_origin(state))
    order = {
        "pipeline": str(directory / "pipeline.yaml"),
        "pipeline_root": str(directory / "tasks"),
        "workspace": str(directory / "workspace"),
        "cache": str(state / CACHE) if cache else "",
        "arguments": arguments,
    }
    prepared.order.write_text(json.dumps(order), encoding="utf-8")
    return prepared


def execute(
    prepared: PreparedRun,
    *,
    progress: Progress,
    stop: Stop | None = None,
    waiting: subprocess.Popen[bytes] | None = None,
) -> RunResult:
    """Run it to its end, or until ``stop`` is set; then its processes are asked to end, and ended.

    Args:
        waiting: a process of :func:`kfp_lifecycle.local.runner_session.start_process`, which saves the start of one.

    Raises:
        KeyboardInterrupt: the run was interrupted; its processes are gone.
    """
    directory = prepared.directory
    began = time.monotonic()
    progress(
        {
            "event": "run",
            "pipeline": prepared.pipeline,
            "run_id": prepared.run_id,
            "directory": str(directory),
            "settings": prepared.settings,
        }
    )
    tasks: list[TaskResult] = []
    failure, failed, stopped = "", False, False
    with workspace(directory), run_process(prepared.order, prepared.environment, waiting) as process:
        for event in events(process, directory, stop):
            if not failed and (event["event"] == "failed" or event.get("code", 0) != 0):
                # Looked at before anybody hears of it: what fails by itself is not what a stop ended.
                failed, stopped = True, _asked(stop)
            progress(event)
            if event["event"] in ("ended", "cached"):
                tasks.append(task_result(event))
            elif event["event"] == "failed":
                failure = event["error"]
        # What goes on after the grace period is killed at the end of the block.
        code_of_exit = exit_code(process, stop)
        stopped = stopped or (code_of_exit != 0 and not failed and _asked(stop))
    result = RunResult(
        run_id=prepared.run_id,
        pipeline=prepared.pipeline,
        succeeded=code_of_exit == 0,
        seconds=round(time.monotonic() - began, 3),
        directory=str(directory),
        tasks=tuple(tasks),
        error="" if code_of_exit == 0 else _explained(tasks, failure, directory, code_of_exit),
        stopped=stopped and code_of_exit != 0,
    )
    (directory / "run.json").write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    status = "succeeded" if result.succeeded else "FAILED"
    progress({"event": "finished", "pipeline": prepared.pipeline, "status": status, "seconds": result.seconds})
    return result


def _asked(stop: Stop | None) -> bool:
    return stop is not None and stop.asked


def _explained(tasks: Sequence[TaskResult], failure: str, directory: Path, code: int | None) -> str:
    """Why a run failed: the failed steps' own words first, then those of kfp.local."""
    parts = [f"{task.name} failed:\n{task.error}\nfull log: {task.log}" for task in tasks if task.error]
    if not parts:
        tail = (directory / "run.log").read_text(encoding="utf-8").splitlines()[-20:]
        parts = [plain(failure) or "\n".join([*tail, f"the run's process ended with exit code {code}"])]
    return "\n\n".join(parts)
