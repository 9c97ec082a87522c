"""The process of one run: ``kfp.local`` with its global state, apart from everybody else's.

Started by :mod:`kfp_lifecycle.local.runner_session`, perhaps before there is a run: the order comes as one line on
standard input, with the environment. ``kfp.local`` keeps its settings in a singleton, replaces ``builtins.print`` after
a loop and deletes its workspace; here all that ends with the process.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

from kfp import components, local

# kfp.local imports these when a pipeline runs; a process that waits for its order has them by then.
from kfp.local.orchestrator import dag_orchestrator, enhanced_dag_orchestrator  # noqa: F401

from kfp_lifecycle.local import runner_cache
from kfp_lifecycle.local.runner_watcher import tell


def main() -> int:
    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    given = json.loads(line)
    os.environ.clear()
    os.environ.update(given["environment"])
    order = json.loads(Path(given["order"]).read_text(encoding="utf-8"))
    threading.Thread(target=_end_with_the_caller, daemon=True).start()
    # When the run is asked to end, so are its steps, and how they end is still to be told. The watchers start no more.
    signal.signal(signal.SIGTERM, lambda *_: None)
    # kfp.local writes this interpreter's path over every "python3" in a command, in users' parameters too. The first
    # folder of PATH holds a python3 that is this interpreter, so the name can stay a name.
    sys.executable = "python3"
    runner_cache.install()
    local.init(
        local.SubprocessRunner(use_venv=False),
        pipeline_root=order["pipeline_root"],
        workspace_root=order["workspace"],
        raise_on_error=True,
        enable_caching=bool(order["cache"]),
        cache_root=order["cache"] or None,
    )
    pipeline = components.load_component_from_file(order["pipeline"])
    try:
        pipeline(**order["arguments"])
    # The one place that may catch all: the caller is told, and the process ends.
    except Exception as error:  # noqa: BLE001
        tell(event="failed", error=f"{type(error).__name__}: {error}")
        return 1
    return 0


def _end_with_the_caller() -> None:
    """Kill this process and its steps when the caller is gone, even if it was killed outright."""
    # Read below Python's buffer, whose lock the interpreter wants when it ends.
    os.read(sys.stdin.fileno(), 1)
    os.killpg(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
