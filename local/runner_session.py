"""The process of a run as its caller sees it: its life, its workspace and the events that come out of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kfp_lifecycle.local.runner_watcher import MARK

# What a step gets between SIGTERM and SIGKILL; on a cluster it is about as long.
GRACE_SECONDS = 2.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def plain(text: str) -> str:
    """The text without terminal colours."""
    return _COLOUR.sub("", text)


@contextlib.contextmanager
def workspace(directory: Path) -> Iterator[None]:
    """kfp.local deletes its workspace, so it gets one that nobody else has; it is gone however the run ends."""
    (directory / "workspace").mkdir()
    try:
        yield
    finally:
        shutil.rmtree(directory / "workspace", ignore_errors=True)


@contextlib.contextmanager
def run_process(order: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The run's process in a session of its own; neither it nor a step of it outlives the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kfp_lifecycle.local.runner_process", str(order)],
        # Never written to: it ends when we do, however we end.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=dict(environment),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            _signal_group(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
        # A step may still be there when its parent has gone.
        _signal_group(process, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def events(process: subprocess.Popen[str], log: Path) -> Iterator[dict[str, Any]]:
    """The watchers' events out of the process's output; what kfp.local prints itself is kept in ``log``."""
    assert process.stdout is not None
    with log.open("w", encoding="utf-8") as kept:
        for raw in process.stdout:
            before, mark, event = plain(raw).partition(MARK)
            if mark:
                yield json.loads(event)
            elif before.strip():
                kept.write(before)
                kept.flush()
