"""What tests of several steps share: a real MLflow server, started once however many workers run the tests, and the
parts of ``stage/``: a Kubernetes API with a stand-in controller, proxies that kill a writer, processes to be killed.
"""

from __future__ import annotations

import fcntl
import html
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from tests.components.stage.nursery import Nursery
from tests.components.stage.registered import File, Registered
from tests.components.stage.world import World

from kfp_lifecycle.components.deployment.deployment import deploy
from kfp_lifecycle.core.decision import load_decision
from kfp_lifecycle.local.testing import Cluster, local_cluster
from kfp_lifecycle.local.write_proxy import WriteProxy, Writes

__all__ = ["local_cluster"]
STAND_IN = (sys.executable, str(Path(__file__).parent / "stage" / "stand_in_predictor.py"))


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """The server's address. The first worker starts it, the last one to leave stops it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "mlflow"
    folder.mkdir(exist_ok=True)
    with _shared(folder) as state:
        if not state.get("users"):
            state["url"], state["pid"] = _start(folder)
        state["users"] = state.get("users", 0) + 1
        url = state["url"]
    yield url
    with _shared(folder) as state:
        state["users"] -= 1
        if not state["users"]:
            os.killpg(state["pid"], signal.SIGTERM)


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """The name of the xdist worker, ``master`` without xdist."""
    return getattr(request.config, "workerinput", {}).get("workerid", "master")


@pytest.fixture
def mlflow_uri(mlflow_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server, as a step's environment names it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    return mlflow_server


@contextmanager
def _shared(folder: Path) -> Iterator[dict]:
    """What the workers know together, one at a time."""
    path = folder / "state.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = json.loads(path.read_text()) if path.exists() else {}
        yield state
        path.write_text(json.dumps(state))


def _start(folder: Path) -> tuple[str, int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        f"{folder}/artifacts",
    ]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 170
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return url, server.pid
        except OSError:
            time.sleep(0.2)
    os.killpg(server.pid, signal.SIGKILL)
    raise RuntimeError((folder / "server.log").read_text()[-2000:])


@pytest.fixture
def proxied() -> Iterator[Callable[[str, Writes], WriteProxy]]:
    """Make proxies that end with the test."""
    made: list[WriteProxy] = []

    def make(upstream: str, writes: Writes) -> WriteProxy:
        made.append(WriteProxy(upstream, writes))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    made = Nursery(tmp_path_factory.mktemp("nursery"))
    yield made
    made.close()


@pytest.fixture
def writes() -> Writes:
    return Writes()


@pytest.fixture
def world(tmp_path: Path, proxied: Any, writes: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path, lambda upstream: proxied(upstream, writes))
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()


@pytest.fixture
def registered(tmp_path: Path, mlflow_uri: str) -> Registered:
    return Registered(tmp_path, MlflowClient(mlflow_uri))


@pytest.fixture
def file() -> type[File]:
    return File


@pytest.fixture
def release(world: World, tmp_path: Path) -> Callable[..., tuple[str, Any]]:
    """Deploy in this process; outcome and decision."""

    def call(**arguments: Any) -> tuple[str, Any]:
        decision, report = File(str(tmp_path / "decision.json")), File(str(tmp_path / "report.html"))
        values = {"service": world.service, "timeout_seconds": 30, "deployment_mode": "Standard", **arguments}
        (outcome,) = deploy(decision=decision, report=report, **values)
        made = load_decision(decision.path)
        assert made.outcome == outcome
        assert made.reasons[0] in html.unescape(Path(report.path).read_text())
        return outcome, made

    return call


@pytest.fixture
def call(world: World, tmp_path: Path) -> Callable[..., tuple[str, Any]]:
    """Call a step in this process; outcome and decision."""

    def run(step: Callable[..., tuple[str]], **arguments: Any) -> tuple[str, Any]:
        folder = tmp_path / uuid.uuid4().hex
        decision, report = File(str(folder / "decision.json")), File(str(folder / "report.html"))
        (outcome,) = step(decision=decision, report=report, **arguments)
        made = load_decision(decision.path)
        assert made.outcome == outcome
        assert made.reasons[0] in html.unescape(Path(report.path).read_text())
        return outcome, made

    return run


@pytest.fixture
def apart(
    world: World, writes: Writes, nursery: Nursery, proxied: Any, mlflow_uri: str, tmp_path: Path
) -> Callable[..., tuple[int, Any, str, list[str]]]:
    """Call a step in a process of its own, which may be killed at one of its writes.

    Exit code (-9 when killed), outcome, output and writes.
    """
    environment = {**world.environment, "MLFLOW_TRACKING_URI": proxied(mlflow_uri, writes).url}

    def run(step: str, kill_at: int = 0, before: bool = True, **arguments: Any) -> tuple[int, Any, str, list[str]]:
        writes.kill_at, writes.before = kill_at, before
        writes.seen.clear()
        files = {name: {"path": str(tmp_path / name), "uri": "", "metadata": {}} for name in ("decision", "report")}
        code, answer, output = nursery.run(step, writes, environment, **files, **arguments)
        return code, answer[0] if answer else "", output, list(writes.seen)

    return run


@pytest.fixture
def cluster(local_cluster: Any, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A local cluster whose model servers do as the model's folder tells them, as the steps' environment names it."""
    made: Cluster = local_cluster(serve_command=STAND_IN)
    for name, value in {**made.environment(), "MLFLOW_TRACKING_URI": mlflow_uri}.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture(params=["Standard", "Knative"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)
