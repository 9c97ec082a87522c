"""What a run does, written into the database as it happens."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.local.kfp_api import runs, states, tasks
from kfp_lifecycle.local.kfp_api.database import transaction
from kfp_lifecycle.local.kfp_api.tasks import Task
from kfp_lifecycle.local.runner_session import Stop, Why

ENDED = "the local cluster ended while this run was in progress; start it again"
_TASK_UNFINISHED = "the run ended while this task ran"


class TaskRecords:
    """Keeps one row for each task of a run that starts; give it to the runner as its ``progress``."""

    def __init__(self, connection: sqlite3.Connection, run_id: str, stop: Stop) -> None:
        self._connection = connection
        self._run_id = run_id
        self._stop = stop
        # The iterations of a loop share a name; each has a log of its own.
        self._numbers: dict[str, int] = {}
        self._count = 0

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Keep what an event of the runner says."""
        match event["event"]:
            case "started":
                self._numbers[event["log"]] = self._count
                self._insert(event, states.RUNNING, log=event["log"], directory=event["directory"])
            case "cached":
                outputs = {"parameters": event["outputs"], "artifacts": event["artifacts"]}
                self._insert(event, states.SKIPPED, finished=time.time(), outputs=outputs)
            case "ended":
                failed = states.CANCELED if self._stop.why is Why.TERMINATED else states.FAILED
                tasks.update(
                    self._connection,
                    self._run_id,
                    self._numbers[event["log"]],
                    state=states.SUCCEEDED if event["code"] == 0 else failed,
                    finished=time.time(),
                    error=event["error"],
                    outputs={"parameters": event["outputs"], "artifacts": event["artifacts"]},
                )

    def _insert(self, event: Mapping[str, Any], state: str, **fields: Any) -> None:
        number, self._count = self._count, self._count + 1
        tasks.insert(
            self._connection,
            Task(
                run_id=self._run_id,
                number=number,
                name=event["task"],
                state=state,
                started=time.time(),
                inputs=event["inputs"],
                **fields,
            ),
        )


def begin(connection: sqlite3.Connection, run_id: str, directory: str) -> bool:
    """Take a waiting run for execution; False if somebody else did, or its end was asked for."""
    with transaction(connection):
        run = runs.get(connection, run_id)
        if run is None or run.state != states.PENDING or run.terminate:
            return False
        runs.enter(connection, run_id, states.RUNNING, directory=directory)
        return True


def cancel(connection: sqlite3.Connection, run_id: str) -> None:
    """Begin to end a run whose end was asked for; one that waits has ended with that."""
    with transaction(connection):
        run = runs.get(connection, run_id)
        if run is None or run.state not in (states.PENDING, states.RUNNING):
            return
        runs.enter(connection, run_id, states.CANCELING)
        if run.state == states.PENDING:
            runs.enter(connection, run_id, states.CANCELED)


def end(connection: sqlite3.Connection, run_id: str, *, succeeded: bool, error: str) -> None:
    """Write a run's final state: CANCELED if it did not succeed and its end had been asked for."""
    with transaction(connection):
        run = runs.get(connection, run_id)
        if run is None or run.state in states.FINAL:
            return
        canceled = run.terminate or run.state == states.CANCELING
        state = states.SUCCEEDED if succeeded else states.CANCELED if canceled else states.FAILED
        if state == states.CANCELED and run.state == states.RUNNING:
            runs.enter(connection, run_id, states.CANCELING)
        runs.enter(connection, run_id, state, error=error if state == states.FAILED else "")
        unfinished = states.CANCELED if state == states.CANCELED else states.FAILED
        tasks.end_all(connection, run_id, state=unfinished, error=_TASK_UNFINISHED)
