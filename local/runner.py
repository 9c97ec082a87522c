"""Run a compiled pipeline on this machine, by ``kfp.local`` in a process of its own.

The same YAML that a cluster gets. Every step is a process; its whole output is in a file, its artifacts are in a
folder, and what failed is told with the step's own traceback. Nothing that exists before a run is deleted by it.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kfp_lifecycle.local.runner_environment import settings_origin, step_environment
from kfp_lifecycle.local.runner_parameters import check_arguments
from kfp_lifecycle.local.runner_progress import print_event
from kfp_lifecycle.local.runner_session import events, plain, run_process, workspace
from kfp_lifecycle.local.runner_specification import Specification, load_specification, local_copy
from kfp_lifecycle.local.state import DEFAULT_FOLDER

Progress = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class TaskResult:
    """One task that ran; ``directory`` holds its artifacts by name, ``error`` is empty where it succeeded."""

    name: str
    seconds: float
    outputs: dict[str, Any]
    directory: str
    log: str
    error: str


@dataclass(frozen=True)
class RunResult:
    """A run that came to its end; ``error`` names the failed step and holds its traceback."""

    run_id: str
    pipeline: str
    succeeded: bool
    seconds: float
    directory: str
    tasks: tuple[TaskResult, ...]
    error: str

    def task(self, name: str) -> TaskResult:
        """The task of this name.

        Raises:
            KeyError: it did not run.
        """
        for task in self.tasks:
            if task.name == name:
                return task
        raise KeyError(f"{name} did not run; {[task.name for task in self.tasks]} did")


def run_pipeline(
    path: str | Path,
    parameters: Mapping[str, Any],
    *,
    state: str | Path | None = None,
    code: Sequence[str | Path] = (),
    pipeline_root: str | Path | None = None,
    run_id: str = "",
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
        progress: called with every event of the run.

    Raises:
        InputError: a parameter or the file is wrong; nothing ran.
        KeyboardInterrupt: the run was interrupted; its processes are gone.
    """
    specification = load_specification(path)
    arguments = check_arguments(parameters, specification.inputs)
    run_id = run_id or str(uuid.uuid4())
    home = Path(state).expanduser().resolve() if state else DEFAULT_FOLDER
    root = Path(pipeline_root).expanduser().resolve() if pipeline_root else home / "runs"
    directory, environment, order = _prepared(specification, arguments, run_id, root, home, code)
    began = time.monotonic()
    progress(
        {
            "event": "run",
            "pipeline": specification.name,
            "run_id": run_id,
            "directory": str(directory),
            "settings": settings_origin(home),
        }
    )
    tasks: list[TaskResult] = []
    failure = ""
    with workspace(directory), run_process(order, environment) as process:
        for event in events(process, directory / "run.log"):
            progress(event)
            if event["event"] == "ended":
                tasks.append(_task_result(event))
            elif event["event"] == "failed":
                failure = event["error"]
        code_of_exit = process.wait()
    result = RunResult(
        run_id=run_id,
        pipeline=specification.name,
        succeeded=code_of_exit == 0,
        seconds=round(time.monotonic() - began, 3),
        directory=str(directory),
        tasks=tuple(tasks),
        error="" if code_of_exit == 0 else _explained(tasks, failure, directory, code_of_exit),
    )
    (directory / "run.json").write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    status = "succeeded" if result.succeeded else "FAILED"
    progress({"event": "finished", "pipeline": specification.name, "status": status, "seconds": result.seconds})
    return result


def _prepared(
    specification: Specification,
    arguments: Mapping[str, Any],
    run_id: str,
    root: Path,
    state: Path,
    code: Sequence[str | Path],
) -> tuple[Path, dict[str, str], Path]:
    """Make the run's folder and what the process needs in it: its environment, and the file with its order."""
    started = datetime.now(UTC)
    directory = root / f"{specification.name}-{started:%Y%m%d-%H%M%S}-{run_id[:8]}-{uuid.uuid4().hex[:4]}"
    logs = directory / "logs"
    environment = step_environment(state, code, directory / "bin")
    logs.mkdir(parents=True)
    document = local_copy(specification, run_id=run_id, started=started, logs=logs)
    (directory / "pipeline.yaml").write_text(json.dumps(document), encoding="utf-8")
    order = directory / "order.json"
    order.write_text(
        json.dumps(
            {
                "pipeline": str(directory / "pipeline.yaml"),
                "pipeline_root": str(directory / "tasks"),
                "workspace": str(directory / "workspace"),
                "arguments": dict(arguments),
            }
        ),
        encoding="utf-8",
    )
    return directory, environment, order


def _task_result(event: Mapping[str, Any]) -> TaskResult:
    return TaskResult(
        name=event["task"],
        seconds=event["seconds"],
        outputs=event["outputs"],
        directory=event["directory"],
        log=event["log"],
        error=event["error"],
    )


def _explained(tasks: Sequence[TaskResult], failure: str, directory: Path, code: int) -> str:
    """Why a run failed: the failed steps' own words first, then those of kfp.local."""
    parts = [f"{task.name} failed:\n{task.error}\nfull log: {task.log}" for task in tasks if task.error]
    if not parts:
        tail = (directory / "run.log").read_text(encoding="utf-8").splitlines()[-20:]
        parts = [plain(failure) or "\n".join([*tail, f"the run's process ended with exit code {code}"])]
    return "\n\n".join(parts)
