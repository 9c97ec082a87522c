"""The KFP API of the local cluster: a process of its own, because the runs that it starts are many."""

from __future__ import annotations

import subprocess
import sys

from kfp_lifecycle.local import health, processes
from kfp_lifecycle.local.state import StateFolder


def start(state: StateFolder, port: int) -> subprocess.Popen[bytes]:
    """Start it with the settings of cluster.json."""
    command = [sys.executable, "-P", "-m", "kfp_lifecycle.local.kfp_api", "--state", str(state.path)]
    return processes.start([*command, "--port", str(port)], log=state.logs / "kfp.log", state=state.path)


def is_ready(url: str) -> bool:
    """Whether it answers."""
    return health.answers(f"{url}/apis/v2beta1/healthz")
