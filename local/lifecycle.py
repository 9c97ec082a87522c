"""Bring a local cluster up and down, from outside of its supervisor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local import processes, supervisor
from kfp_lifecycle.local.settings import ClusterSettings
from kfp_lifecycle.local.state import StateFolder, read_json

_STOP_SECONDS = 60.0


class ClusterError(RuntimeError):
    """The cluster did not start or stop; the message names the log."""


def record(state: StateFolder) -> dict[str, Any] | None:
    """What the supervisor says of itself in cluster.json, None if it does not run."""
    known: dict[str, Any] | None = read_json(state["cluster.json"])
    if known and processes.alive(known["pids"]["supervisor"], known["created"]):
        return known
    return None


def up(state: StateFolder, settings: ClusterSettings, *, tell: Callable[[str], None] = print) -> dict[str, Any]:
    """Start the cluster in the background unless it runs; returns what cluster.json says when it is ready.

    Raises:
        InputError: it runs with other settings.
        ClusterError: it did not become ready.
    """
    known, process = record(state), None
    log = state.logs / "supervisor.log"
    position = log.stat().st_size if log.exists() else 0
    if known is None:
        settings.server_command()  # a missing model server is told here and now
        process = _spawn(state, settings)
    else:
        _require_same(known, settings)
        if known["ready"]:
            tell(f"runs already, state in {state.path}")
            return known
    return _follow(state, position, process, tell)


def down(state: StateFolder, *, tell: Callable[[str], None] = print) -> bool:
    """Stop the cluster and whatever a crash left of it; False if nothing ran."""
    known = record(state)
    if known is not None:
        tell(f"stopping, state stays in {state.path}")
        processes.stop([psutil.Process(known["pids"]["supervisor"])], grace_seconds=_STOP_SECONDS)
    leftovers = processes.marked(state.path)
    processes.stop(leftovers, grace_seconds=2)
    return known is not None or bool(leftovers)


def _spawn(state: StateFolder, settings: ClusterSettings) -> subprocess.Popen[bytes]:
    state.logs.mkdir(exist_ok=True)
    with (state.logs / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kfp_lifecycle.local.supervisor", "--state", str(state.path)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, processes.MARK: str(state.path)},
            start_new_session=True,
        )
    if process.stdin is not None:
        process.stdin.write(json.dumps(settings.to_json()).encode())
        process.stdin.close()
    return process


def _follow(
    state: StateFolder, position: int, process: subprocess.Popen[bytes] | None, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Repeat the supervisor's progress until it is ready."""
    log, last, part = state.logs / "supervisor.log", "without a word", b""
    with log.open("rb") as lines:
        lines.seek(position)
        while True:
            ended = process is None or process.poll() is not None
            known = record(state)
            while line := lines.readline():
                part += line
                text = part.decode(errors="replace").rstrip()
                if part.endswith(b"\n"):
                    part = b""
                    if text.startswith(supervisor.PROGRESS):
                        last = text.removeprefix(supervisor.PROGRESS)
                        tell(last)
            if known is not None and known["ready"]:
                return known
            # Somebody else may have been quicker; then their supervisor is the one to wait for.
            if known is None and ended:
                raise ClusterError(f"the local cluster did not start, {last}; see {log}")
            time.sleep(0.1)  # a file cannot be waited for


def _require_same(known: dict[str, Any], settings: ClusterSettings) -> None:
    wanted, runs = settings.to_json(), known["settings"]
    wanted = json.loads(json.dumps(wanted))
    changed = sorted(name for name in wanted if wanted[name] != runs.get(name))
    if changed:
        name = changed[0]
        raise InputError(
            name, wanted[name], f"{runs.get(name)!r}, with which the cluster runs", "Stop it with `local down` first."
        )
