"""A database with runs, and the status page over it, as the KFP API's process serves them."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from kfp_lifecycle.local.kfp_api import pipelines, recurring_runs, runs, tasks
from kfp_lifecycle.local.kfp_api.app import create_app
from kfp_lifecycle.local.kfp_api.database import FILE, connect
from kfp_lifecycle.local.kfp_api.pipelines import Pipeline, Version
from kfp_lifecycle.local.kfp_api.recurring_runs import RecurringRun
from kfp_lifecycle.local.kfp_api.runs import Run
from kfp_lifecycle.local.kfp_api.states import FAILED, RUNNING, SUCCEEDED
from kfp_lifecycle.local.kfp_api.tasks import Task
from kfp_lifecycle.local.state import StateFolder
from kfp_lifecycle.local.status_page.routes import routes

NIGHTLY = {"cron_schedule": {"cron": "0 0 3 * * *"}}
_numbers = itertools.count(1)


def package(name: str = "greet", tasks: dict[str, Any] | None = None, **components: Any) -> list[Any]:
    """The documents of a compiled pipeline with these tasks; by default ``load``, and ``train`` after it."""
    known = {"load": task("load"), "train": task("train", "load")} if tasks is None else tasks
    return [{"pipelineInfo": {"name": name}, "root": {"dag": {"tasks": known}}, "components": components}]


def task(name: str, *after: str, **more: Any) -> dict[str, Any]:
    """A task of a compiled pipeline."""
    return {"componentRef": {"name": f"comp-{name}"}, "taskInfo": {"name": name}, "dependentTasks": [*after], **more}


@dataclass
class Site:
    """What a test fills, and asks for pages."""

    state: StateFolder
    woken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = connect(self.database)

    @property
    def database(self) -> Path:
        return self.state[FILE]

    @contextmanager
    def served(self, **options: Any) -> Iterator[str]:
        """The URL of the site, served in a thread."""
        pages = routes(self.database, self.state, wake=lambda: self.woken.append("woken"), **options)
        app = create_app(self.database, pages=pages)
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            listening.close()

    def run(self, name: str = "a run", state: str = SUCCEEDED, **changes: Any) -> Run:
        """Add a run with its folder."""
        number = next(_numbers)
        now = time.time()
        identity = changes.pop("id", f"run-{number}")
        directory = self.state["runs"] / f"folder-{number}"
        (directory / "logs").mkdir(parents=True)
        values: dict[str, Any] = {
            "experiment_id": "", "namespace": "", "description": "", "pipeline_id": "", "version_id": "",
            "documents": package(), "parameters": {"name": "world"}, "caching": None, "service_account": "",
            "recurring_run_id": "", "created": now - 60 + number / 1000, "scheduled": now - 60, "started": now - 59,
            "finished": None if state == RUNNING else now - 30, "directory": str(directory),
        }  # fmt: skip
        made = Run(id=identity, name=name, state=state, **{**values, **changes})
        runs.insert(self.connection, made)
        return made

    def task(self, run: Run, name: str = "train", state: str = SUCCEEDED, **changes: Any) -> Task:
        """Add a task with its folder and log to a run."""
        number = len(tasks.of_run(self.connection, run.id))
        folder = Path(run.directory) / "tasks" / f"task-{number}"
        folder.mkdir(parents=True)
        log = Path(run.directory) / "logs" / f"{number}.log"
        log.write_text(changes.pop("text", "one line\n"), encoding="utf-8")
        values: dict[str, Any] = {
            "started": time.time() - 50, "finished": time.time() - 45, "log": str(log), "directory": str(folder),
            "error": "ValueError: no\n" if state == FAILED else "", "inputs": {"parameters": {"rows": 3}},
            "outputs": {"parameters": {"score": 0.5}},
        }  # fmt: skip
        made = Task(run.id, number, name, state, **{**values, **changes})
        tasks.insert(self.connection, made)
        return made

    def schedule(self, name: str = "nightly", **changes: Any) -> RecurringRun:
        """Add a recurring run."""
        number, now = next(_numbers), time.time()
        values: dict[str, Any] = {
            "id": f"schedule-{number}", "experiment_id": "", "namespace": "", "description": "", "pipeline_id": "",
            "version_id": None, "documents": package(), "parameters": {}, "caching": None, "service_account": "",
            "max_concurrency": 1, "no_catchup": True, "trigger": NIGHTLY, "enabled": True, "created": now,
            "updated": now, "next_at": now + 7200.5,
        }  # fmt: skip
        made = RecurringRun(name=name, **{**values, **changes})
        recurring_runs.insert(self.connection, made)
        return made

    def pipeline(self, name: str = "greet", versions: int = 1, **changes: Any) -> Pipeline:
        """Add a pipeline with versions ``v1``, ``v2``, ..."""
        number = next(_numbers)
        values = {"display_name": "", "namespace": "", "description": "", "created": time.time()}
        made = Pipeline(id=f"pipeline-{number}", name=name, **{**values, **changes})
        pipelines.insert(self.connection, made)
        for each in range(1, versions + 1):
            documents = package(name)
            identity = f"version-{number}-{each}"
            version = Version(identity, made.id, f"v{each}", "", "", time.time() + each, documents)
            pipelines.insert_version(self.connection, version)
        return made

    def artifact(self, task: Task, name: str, content: str, kind: str = "", **metadata: Any) -> Path:
        """Put a file into the task's folder, and note it as an output."""
        path = Path(task.directory) / name
        path.write_text(content, encoding="utf-8")
        known = tasks.get(self.connection, task.run_id, task.number)
        assert known
        noted = {name: [{"uri": str(path), "type": f"system.{kind}", "metadata": metadata}]}
        outputs = {**known.outputs, "artifacts": {**known.outputs.get("artifacts", {}), **noted}}
        tasks.update(self.connection, task.run_id, task.number, outputs=outputs)
        return path
