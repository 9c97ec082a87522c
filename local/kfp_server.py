"""The KFP API of the local cluster: a process of its own, because the runs that it starts are many."""

from __future__ import annotations

import subprocess
import sys
import urllib.request

from kfp_lifecycle.local import processes
from kfp_lifecycle.local.state import StateFolder


def start(state: StateFolder, port: int) -> subprocess.Popen[bytes]:
    """Start it with the settings of cluster.json."""
    command = [sys.executable, "-P", "-m", "kfp_lifecycle.local.kfp_api", "--state", str(state.path)]
    return processes.start([*command, "--port", str(port)], log=state.logs / "kfp.log", state=state.path)


def is_ready(url: str) -> bool:
    """Whether it answers."""
    try:
        with urllib.request.urlopen(f"{url}/apis/v2beta1/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
