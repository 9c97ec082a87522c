"""What tests of several steps share: a real MLflow server, started once however many workers run the tests; proxies
that count writes and kill the writer at any of them; and processes to be killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest


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


@dataclass
class Writes:
    """The mutating requests of one process, over all its proxies; at ``kill_at`` the process ends."""

    kill_at: int = 0
    before: bool = True
    victim: int = 0
    seen: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, line: str) -> bool:
        """Note a write; whether it is the one to die at."""
        with self.lock:
            self.seen.append(line)
            return len(self.seen) == self.kill_at


class Proxy:
    """Forwards to ``upstream``. ``answer`` may answer in its place, ``forwarded`` hears of each finished request."""

    def __init__(self, upstream: str, writes: Writes) -> None:
        self.upstream, self.writes = urlsplit(upstream), writes
        self.answer: Callable[[str, str], int] = lambda method, path: 0
        self.forwarded: Callable[[str, str, int], None] = lambda method, path, status: None
        handler = type("Handler", (_Forwarding,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Forwarding(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"  # S3 clients send a body only after "100 Continue"

    def _forward(self) -> None:
        self.close_connection = True
        proxy, body = self.proxy, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if status := proxy.answer(self.command, self.path):
            self.send_error(status)
            return
        write = self.command not in ("GET", "HEAD") and "dryRun" not in self.path
        fatal = write and proxy.writes.count(f"{self.command} {self.path.partition('?')[0]}")
        if fatal and proxy.writes.before:
            os.kill(proxy.writes.victim, signal.SIGKILL)
            return
        connection = HTTPConnection(proxy.upstream.hostname or "", proxy.upstream.port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("connection", "expect")}
        connection.request(self.command, self.path, body, {**headers, "Connection": "close"})
        response = connection.getresponse()
        if write:
            proxy.forwarded(self.command, self.path, response.status)
        if fatal:
            response.read()
            os.kill(proxy.writes.victim, signal.SIGKILL)
            return
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        # Watches come in pieces; the end of the connection ends the answer.
        while chunk := response.read1(65536):
            self.wfile.write(chunk)
            self.wfile.flush()

    def handle(self) -> None:
        with suppress(OSError, HTTPException):  # the caller was killed, as it should be
            super().handle()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _forward

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxied() -> Iterator[Callable[[str, Writes], Proxy]]:
    """Make proxies that end with the test."""
    made: list[Proxy] = []

    def make(upstream: str, writes: Writes) -> Proxy:
        made.append(Proxy(upstream, writes))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


_NURSERY = """
import importlib, json, os, sys, traceback
from dataclasses import make_dataclass
steps = ("registration.registration", "deployment.deployment")
for module in ("kubernetes", "mlflow", "s3fs", "httpx", *(f"kfp_lifecycle.components.{step}" for step in steps)):
    importlib.import_module(module)  # once, instead of in each process that is killed
from mlflow import MlflowClient
MlflowClient("http://127.0.0.1:9", "http://127.0.0.1:9")._get_registry_client()
Artifact = make_dataclass("Artifact", ["path", "uri", "metadata"])
for line in sys.stdin:
    order = json.loads(line)
    gate, opened = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(opened)
        os.read(gate, 1)
        os.environ.update(order["environment"])
        out = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1); os.dup2(out, 2)
        code = 1
        try:
            values = {k: Artifact(**v) if isinstance(v, dict) else v for k, v in order["arguments"].items()}
            answer = getattr(importlib.import_module(order["module"]), order["function"])(**values)
            open(order["answer"], "w").write(json.dumps(answer))
            code = 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush(); sys.stderr.flush()
        os._exit(code)
    os.close(gate)
    print(pid, flush=True)
    sys.stdin.readline()
    os.close(opened)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Nursery:
    """Runs a step in a process of its own that may be killed."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        command = [sys.executable, "-c", _NURSERY]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, step: str, writes: Writes, environment: dict[str, str], **arguments: Any) -> tuple[int, Any, str]:
        """Call ``module:function``; exit code (-9 when killed), answer and output."""
        self._count += 1
        module, function = step.split(":")
        log, answer = (self._folder / f"{self._count}.{kind}" for kind in ("log", "json"))
        self._say({"module": module, "function": function, "environment": environment, "log": str(log),
                   "answer": str(answer), "arguments": arguments})  # fmt: skip
        writes.victim = int(self._hear())
        self._say("go")
        code = int(self._hear())
        return code, json.loads(answer.read_text()) if code == 0 else None, log.read_text() if log.exists() else ""

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()

    def _say(self, value: Any) -> None:
        self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        return self._process.stdout.readline()


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    made = Nursery(tmp_path_factory.mktemp("nursery"))
    yield made
    made.close()


@pytest.fixture
def writes() -> Writes:
    return Writes()
