"""Execution of runs: the oldest first, each by the runner in a process of its own, a few at a time.

All that decides is in the database before it is relied on, so that a new start after a crash tells the truth: a run is
taken once, and one that was in progress has failed.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local import runner_session, runner_tree
from kfp_lifecycle.local.kfp_api import records, runs, schedules, states
from kfp_lifecycle.local.kfp_api.background import Worker, ended, start_thread
from kfp_lifecycle.local.kfp_api.database import connect
from kfp_lifecycle.local.kfp_api.runs import Run
from kfp_lifecycle.local.kfp_api.spare_process import SpareProcess
from kfp_lifecycle.local.runner import RUNS, RunResult, execute, new_directory, prepare
from kfp_lifecycle.local.runner_session import Stop, Why
from kfp_lifecycle.local.runner_specification import specification
from kfp_lifecycle.local.settings import ClusterSettings
from kfp_lifecycle.local.state import PRIVATE

_LOCK = "kfp.lock"
# Only so that a clock that was set is noticed; what is due wakes the scheduler at its time.
_LONGEST_PAUSE = 60.0
# Two grace periods of a step and some more, within what the supervisor grants.
_CLOSE_SECONDS = 7.0
_log = logging.getLogger(__name__)


class Executor:
    """Executes the database's runs and fires its schedules, from :meth:`start` to :meth:`close`."""

    def __init__(self, database: Path, state: Path, settings: ClusterSettings) -> None:
        self._database = database
        self._state = state
        self._settings = settings
        self._running: dict[str, tuple[Stop, threading.Thread]] = {}
        self._lock = threading.Lock()
        self._closing = False
        self._told: dict[str, str] = {}
        self._held = -1
        self._spare = SpareProcess()
        self._dispatcher = Worker("dispatcher", self._dispatch)
        self._scheduler = Worker("scheduler", self._fire)

    def start(self) -> None:
        """Clear up after a crash, then work.

        Raises:
            InputError: another process executes this folder's runs.
        """
        self._held = _exclusive(self._state / _LOCK)
        with closing(connect(self._database)) as connection:
            _recover(connection)
        self._spare.refill()
        self._dispatcher.start()
        self._scheduler.start()

    def wake(self) -> None:
        """Look again: a run or a schedule was added or changed, or a run's end was asked for."""
        self._dispatcher.wake()
        self._scheduler.wake()

    def begin_no_more(self) -> None:
        """Leave the runs that wait to the next start; safe in a signal handler."""
        self._closing = True

    def close(self) -> bool:
        """End all runs, which fail by that, and all threads.

        Returns:
            Whether all have ended in the few seconds that they have together. If not, the folder stays locked until
            the process has ended.
        """
        deadline = time.monotonic() + _CLOSE_SECONDS
        self.begin_no_more()
        self._scheduler.close()
        self._dispatcher.close()
        all_ended = all([worker.join(deadline - time.monotonic()) for worker in (self._scheduler, self._dispatcher)])
        with self._lock:
            present = list(self._running.values())
        for stop, _ in present:
            stop.set(Why.SHUTDOWN)
        all_ended &= all([ended(thread, deadline - time.monotonic()) for _, thread in present])
        self._spare.close()
        if self._held >= 0 and all_ended:
            os.close(self._held)
            self._held = -1
        return all_ended

    def _fire(self) -> float:
        with closing(connect(self._database)) as connection:
            fired = schedules.fire_due(connection, time.time(), self._told)
        if fired.runs:
            self._dispatcher.wake()
        if fired.next_at is None:
            return _LONGEST_PAUSE
        return min(max(fired.next_at - time.time(), 0.0), _LONGEST_PAUSE)

    def _dispatch(self) -> None:
        with closing(connect(self._database)) as connection:
            for run_id in runs.asked_to_end(connection):
                records.cancel(connection, run_id)
                with self._lock:
                    if run_id in self._running:
                        self._running[run_id][0].set(Why.TERMINATED)
            while not self._closing and len(self._running) < self._settings.runs_at_once:
                run = runs.next_pending(connection)
                if run is None:
                    return
                self._begin(connection, run)

    def _begin(self, connection: sqlite3.Connection, run: Run) -> None:
        directory = new_directory(self._state / RUNS, run.documents[0]["pipelineInfo"]["name"], run.id)
        if not records.begin(connection, run.id, str(directory)):
            return
        stop = Stop()
        with self._lock:
            thread = start_thread(f"run {run.id}", lambda: self._work(run, directory, stop))
            self._running[run.id] = stop, thread

    def _work(self, run: Run, directory: Path, stop: Stop) -> None:
        with closing(connect(self._database)) as connection:
            try:
                result = self._executed(connection, run, directory, stop)
                error = records.ENDED if result.stopped and stop.why is Why.SHUTDOWN else result.error
                records.end(connection, run.id, succeeded=result.succeeded, error=error)
            except sqlite3.Error:
                raise
            # Whatever is wrong with one run is told by that run, and the others go on.
            except Exception as problem:  # noqa: BLE001
                expected = isinstance(problem, InputError)
                _log.warning("run %s: %s", run.id, problem, exc_info=None if expected else problem)
                text = str(problem) if expected else f"{type(problem).__name__}: {problem}"
                records.end(connection, run.id, succeeded=False, error=text)
            finally:
                with self._lock:
                    del self._running[run.id]
                stop.close()
                self.wake()
                self._spare.refill()

    def _executed(self, connection: sqlite3.Connection, run: Run, directory: Path, stop: Stop) -> RunResult:
        prepared = prepare(
            specification(run.documents[0], shown=run.name),
            run.parameters,
            run_id=run.id,
            directory=directory,
            state=self._state,
            code=self._settings.code,
            cache=run.caching is not False,
            scheduled=datetime.fromtimestamp(run.scheduled, UTC),
        )
        tasks = records.TaskRecords(connection, run.id, stop)
        return execute(prepared, progress=tasks, stop=stop, waiting=self._spare.take())


def _exclusive(path: Path) -> int:
    held = os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE)
    try:
        # Gone with the process, however it ends.
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        raise InputError(
            "--state", str(path.parent), "a folder whose runs no other process executes", "Stop that one."
        ) from error
    return held


def _recover(connection: sqlite3.Connection) -> None:
    """Fail the runs that were in progress when the process before this one ended; first end what they left."""
    for run in runs.in_states(connection, (states.RUNNING, states.CANCELING)):
        directory = Path(run.directory)
        runner_tree.kill(directory)
        runner_session.remove_workspace(directory)
        records.end(connection, run.id, succeeded=False, error=records.ENDED)
