"""Start and stop of the model servers that ``serving.py`` compares."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
STEPS = REPOSITORY / ".venv" / "steps" / "bin"
SERVE = REPOSITORY / ".venv" / "serve" / "bin"
_START_SECONDS = 180


@dataclass(frozen=True)
class Server:
    """One server under test.

    Attributes:
        command: its words; ``{port}`` stands for the port.
        path: where it takes predictions.
        ready: what answers 200 once it can.
        body: name of the form of its requests: instances, tensors or records.
        native_threads: OpenMP threads per prediction; empty leaves it to the library.
    """

    name: str
    command: tuple[str, ...]
    path: str
    ready: str
    body: str
    native_threads: str = "1"


def servers(model: Path) -> list[Server]:
    """The servers, each one process with one model and its logs off.

    All get one native thread per prediction, which our server sets by itself: teams of OpenMP threads that wait for
    each other on a busy machine would make the others look worse than they are. One row shows a server without it.
    """
    python = str(SERVE / "python")
    ours = (
        *(python, "-m", "kfp_lifecycle.serving", "--model_name", "model", "--model_dir", str(model)),
        *("--host", "127.0.0.1", "--http_port", "{port}"),
    )
    bare = (python, str(REPOSITORY / "benchmarks" / "bare_kserve.py"), str(model), "{port}")
    mlflow = (
        *(str(STEPS / "mlflow"), "models", "serve", "-m", str(model), "-h", "127.0.0.1", "-p", "{port}"),
        *("--env-manager", "local", "--workers", "1"),
    )
    v1, v2, ready = "/v1/models/model:predict", "/v2/models/model/infer", "/v2/models/model/ready"
    return [
        Server("ours, checks on", ours, v1, ready, "instances"),
        Server("ours, checks off", (*ours, "--no_input_checks"), v1, ready, "instances"),
        Server("ours, checks on, one request per prediction", (*ours, "--rows_at_once", "1"), v1, ready, "instances"),
        Server("ours, checks on, V2", ours, v2, ready, "tensors"),
        Server("bare kserve.Model", bare, v1, ready, "instances"),
        Server("bare kserve.Model, native threads as they come", bare, v1, ready, "instances", ""),
        Server("mlflow models serve", mlflow, "/invocations", "/ping", "records"),
    ]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def log_of(server: Server, logs: Path) -> Path:
    """The file with the server's output."""
    return logs / f"{server.name.replace(' ', '-').replace(',', '')}.log"


@contextmanager
def running(server: Server, logs: Path, variables: Mapping[str, str] | None = None) -> Iterator[int]:
    """The port of a started server, which is stopped at the end with all of its processes.

    Args:
        variables: more of its environment.
    """
    port = free_port()
    log = log_of(server, logs)
    # mlflow starts uvicorn by its bare name.
    environment = {**os.environ, "PATH": f"{STEPS}:{os.environ['PATH']}", "MLFLOW_TRACKING_URI": f"file:{logs}/mlruns"}
    environment |= variables or {}
    if server.native_threads:
        environment["OMP_NUM_THREADS"] = server.native_threads
    with log.open("wb") as output:
        process = subprocess.Popen(
            [word.format(port=port) for word in server.command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not answers(port, server.ready):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{server.name} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield port
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
