"""The process of a run as its caller sees it: its life, its workspace and the events that come out of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from enum import Enum, auto
from pathlib import Path
from typing import Any

import psutil

from kfp_lifecycle.local import runner_tree
from kfp_lifecycle.local.runner_watcher import MARK

# What a step gets between SIGTERM and SIGKILL; on a cluster it is about as long.
GRACE_SECONDS = 2.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CHUNK = 1 << 16
# How soon a stop is noticed while a process without output ends.
_LOOK_SECONDS = 0.2


class Why(Enum):
    """Why a run is to end before its time."""

    TERMINATED = auto()
    """Somebody does not want it any more."""
    SHUTDOWN = auto()
    """What executes it ends."""


class Stop:
    """Asks a run to end, from any thread."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._lock = threading.Lock()
        self._why: Why | None = None

    @property
    def why(self) -> Why | None:
        """Why the run is to end; None as long as nobody asked."""
        return self._why

    @property
    def asked(self) -> bool:
        """Whether somebody asked."""
        return self._why is not None

    def set(self, why: Why) -> None:
        """Ask; asking again changes nothing, the first reason stays."""
        with self._lock:
            if self._why is not None:
                return
            self._why = why
        # Closed when the run has ended by itself just now.
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")

    def fileno(self) -> int:
        """Becomes readable when somebody asks."""
        return self._reader.fileno()

    def close(self) -> None:
        """Give the descriptors back, once the run has ended."""
        self._reader.close()
        self._writer.close()


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
        remove_workspace(directory)


def remove_workspace(directory: Path) -> None:
    """Remove the workspace in a run's folder, also of a run whose caller was killed."""
    shutil.rmtree(directory / "workspace", ignore_errors=True)


def start_process() -> subprocess.Popen[bytes]:
    """A process in a session of its own that waits for its run; it ends when we do, however we end."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "kfp_lifecycle.local.runner_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )


@contextlib.contextmanager
def run_process(
    order: Path, environment: Mapping[str, str], waiting: subprocess.Popen[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The run's process; nothing that it started outlives the block, by whatever name.

    Args:
        waiting: one of :func:`start_process`, to be used for this run.
    """
    directory = order.parent
    process = waiting or start_process()
    root = psutil.Process(process.pid)
    with contextlib.ExitStack() as always:
        # From the last to the first, each whatever becomes of the others.
        always.callback(release, process)
        always.callback(process.wait)
        always.callback(process.kill)
        # A step may still be there when its parent has gone.
        always.callback(runner_tree.kill, directory, root)
        always.callback(_ask_to_end, process, directory, root)
        assert process.stdin is not None
        told = {"order": str(order), "environment": {**environment, runner_tree.MARK: str(directory)}}
        # One that is gone by now says so by the end of its output.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(told).encode() + b"\n")
            process.stdin.flush()
        yield process


def _ask_to_end(process: subprocess.Popen[bytes], directory: Path, root: psutil.Process) -> None:
    if process.poll() is None:
        runner_tree.ask_to_end(directory, root)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)


def release(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes to a process; one that still waits for its run ends by that."""
    for stream in (process.stdin, process.stdout):
        if stream:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def events(process: subprocess.Popen[bytes], directory: Path, stop: Stop | None = None) -> Iterator[dict[str, Any]]:
    """The watchers' events out of the process's output; what kfp.local prints itself is kept in ``run.log``.

    Ends with the output. When ``stop`` is set, the steps are asked to end and the events go on for a grace period.
    """
    assert process.stdout is not None
    with (directory / "run.log").open("w", encoding="utf-8") as kept:
        for raw in _lines(process, directory, stop):
            text = plain(raw.decode("utf-8", "replace"))
            _, mark, told = text.partition(MARK)
            event = _event(told) if mark else None
            if event is not None:
                yield event
            elif text.strip():
                kept.write(text)
                kept.flush()


def exit_code(process: subprocess.Popen[bytes], stop: Stop | None = None) -> int | None:
    """Wait for the end of a process; None if it still ran when ``stop`` was set."""
    while stop is not None and not stop.asked:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(_LOOK_SECONDS)
    return process.wait() if stop is None else process.poll()


def _event(text: str) -> dict[str, Any] | None:
    """What a watcher told; None if a line only looks like it, for example one that others wrote into."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def _lines(process: subprocess.Popen[bytes], directory: Path, stop: Stop | None) -> Iterator[bytes]:
    assert process.stdout is not None
    output = process.stdout.fileno()
    pending = b""
    deadline: float | None = None
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        if stop is not None:
            selector.register(stop, selectors.EVENT_READ)
        # Output without end must not outlast the grace period.
        while deadline is None or time.monotonic() < deadline:
            for key, _ in selector.select(None if deadline is None else max(0.0, deadline - time.monotonic())):
                if key.fd != output:
                    selector.unregister(key.fileobj)
                    deadline = time.monotonic() + GRACE_SECONDS
                    runner_tree.ask_to_end(directory, psutil.Process(process.pid))
                    continue
                chunk = os.read(output, _CHUNK)
                *whole, pending = (pending + chunk).split(b"\n")
                yield from (line + b"\n" for line in whole)
                if not chunk:
                    yield from [pending] if pending else []
                    return
