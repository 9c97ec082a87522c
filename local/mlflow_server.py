"""The MLflow tracking server of the local cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from kfp_lifecycle.local import health, processes
from kfp_lifecycle.local.ports import LOOPBACK
from kfp_lifecycle.local.state import StateFolder

_SCRIPT = Path(__file__).with_name("mlflow_process.py")


def start(state: StateFolder, port: int) -> subprocess.Popen[bytes]:
    """Start the server on an sqlite store; artifacts are served from the state folder."""
    folder = state["mlflow"]
    folder.mkdir(exist_ok=True, mode=0o700)
    command = [
        sys.executable,
        "-P",  # the script's own folder holds modules with common names
        str(_SCRIPT),
        "server",
        "--backend-store-uri",
        f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination",
        str(folder / "artifacts"),
        "--host",
        LOOPBACK,
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    # The job backend would start nine more processes of 250 MB each.
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        environment.pop(name, None)
    return processes.start(command, log=state.logs / "mlflow.log", state=state.path, environment=environment)


def is_ready(url: str, *, timeout: float = 2) -> bool:
    """Whether the server answers."""
    return health.answers(f"{url}/health", timeout=timeout)
