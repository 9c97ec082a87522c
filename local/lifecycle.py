"""Bring a local cluster up and down, from outside of its supervisor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
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
    known = record(state)
    if known is None:
        start = (state.logs / "supervisor.log").stat().st_size if (state.logs / "supervisor.log").exists() else 0
        process: subprocess.Popen[bytes] | None = _spawn(state, settings)
    else:
        _require_same(known, settings)
        if known["ready"]:
            tell(f"runs already, state in {state.path}")
            return known
        start, process = 0, None
    _follow(state.logs / "supervisor.log", start, process, known, tell)
    ready = record(state)
    if ready is None or not ready["ready"]:
        raise ClusterError(f"the local cluster did not start; see {state.logs / 'supervisor.log'}")
    return ready


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
    log: Path,
    position: int,
    process: subprocess.Popen[bytes] | None,
    known: dict[str, Any] | None,
    tell: Callable[[str], None],
) -> None:
    """Repeat the supervisor's progress until it is ready or gone."""
    with log.open("rb") as lines:
        lines.seek(position)
        part, last = b"", ""
        while True:
            line = part + lines.readline()
            if line.endswith(b"\n"):
                part = b""
                text = line.decode(errors="replace").rstrip()
                if text.startswith(supervisor.PROGRESS):
                    last = text.removeprefix(supervisor.PROGRESS)
                    tell(last)
                if text.startswith(supervisor.READY):
                    return
                continue
            part = line
            if process is not None and process.poll() is not None:
                raise ClusterError(f"the local cluster did not start, {last or 'without a word'}; see {log}")
            if known is not None and not processes.alive(known["pids"]["supervisor"], known["created"]):
                raise ClusterError(f"the local cluster ended while starting; see {log}")
            time.sleep(0.05)  # a file cannot be waited for


def _require_same(known: dict[str, Any], settings: ClusterSettings) -> None:
    wanted, runs = settings.to_json(), known["settings"]
    wanted = json.loads(json.dumps(wanted))
    changed = sorted(name for name in wanted if wanted[name] != runs.get(name))
    if changed:
        name = changed[0]
        raise InputError(
            name, wanted[name], f"{runs.get(name)!r}, with which the cluster runs", "Stop it with `local down` first."
        )
