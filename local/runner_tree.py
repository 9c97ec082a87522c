"""All processes of one run: its own, its steps, and what they left in sessions of their own."""

from __future__ import annotations

import logging
from pathlib import Path

import psutil

from kfp_lifecycle.local import processes
from kfp_lifecycle.local.runner_watcher import RUN, STOPPED

# Every process of a run carries the run's folder under this name. Those that left its session are found by that.
MARK = RUN
_PASSES = 50
_KILL_SECONDS = 5.0
_log = logging.getLogger(__name__)


def ask_to_end(directory: Path, root: psutil.Process) -> None:
    """Send SIGTERM to all of the run; watchers start no more steps, and pass on what those say that end."""
    (directory / STOPPED).touch()
    processes.ask(_found(directory, root))


def kill(directory: Path, root: psutil.Process | None = None) -> None:
    """End all of the run at once, until none is left that could have started another one."""
    for _ in range(_PASSES):
        found = _found(directory, root)
        if not found:
            return
        processes.stop(found, grace_seconds=0)
    _log.error("processes of the run in %s cannot be killed: %s", directory, _found(directory, root))


def _found(directory: Path, root: psutil.Process | None) -> list[psutil.Process]:
    found = set(processes.marked(directory, name=MARK))
    try:
        if root is not None and root.status() != psutil.STATUS_ZOMBIE:
            # A step that emptied its environment is still somebody's child.
            found |= {root, *root.children(recursive=True)}
    except psutil.NoSuchProcess:
        pass
    return [process for process in found if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    try:
        # Not every psutil has looked it up before, and the process may be gone.
        return processes.alive(process.pid, process.create_time())
    except psutil.NoSuchProcess:
        return False
