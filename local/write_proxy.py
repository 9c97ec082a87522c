"""Proxies that count the writes of a process, and kill or stop it at any of them; for tests and benchmarks.

A step, or a whole run, talks to MLflow, the Kubernetes API or an object store through proxies that share one
``Writes``. Killed at each write in turn, before it is forwarded and after its answer came back, it leaves every state
in which a lost node can leave a system.
"""

from __future__ import annotations

import os
import signal
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Self
from urllib.parse import urlsplit

import psutil

_UPSTREAM_SECONDS = 60
_FROZEN_SECONDS = 120
_PIECE = 65536


@dataclass
class Writes:
    """The mutating requests of one process, over all its proxies; at ``kill_at`` the process ends.

    Attributes:
        kill_at: the number of the write, from 1; 0 never.
        before: whether it dies before the write is forwarded, or when its answer came back.
        freeze: stop it there instead, right before its write arrives, until ``thaw`` is set.
        victim: the process; whatever it started dies with it.
        seen: method and path of each write so far.
    """

    kill_at: int = 0
    before: bool = True
    freeze: bool = False
    frozen: threading.Event = field(default_factory=threading.Event)
    thaw: threading.Event = field(default_factory=threading.Event)
    victim: int = 0
    seen: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, line: str, body: bytes) -> bool:
        """Note a write; whether it is the one to die at. Subclasses may choose by more than the number."""
        with self.lock:
            self.seen.append(line)
            return len(self.seen) == self.kill_at

    def kill(self) -> None:
        """SIGKILL for the process and everything it started, as a lost node does it."""
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.victim)
            for process in [first, *first.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    def stop_until_thawed(self) -> None:
        """SIGSTOP for the process, and SIGCONT once ``thaw`` is set."""
        os.kill(self.victim, signal.SIGSTOP)
        self.frozen.set()
        self.thaw.wait(_FROZEN_SECONDS)
        os.kill(self.victim, signal.SIGCONT)


def is_write(method: str, path: str) -> bool:
    """Whether a request changes something: rehearsals, and searches that MLflow takes as POST, do not."""
    return method not in ("GET", "HEAD") and "dryRun" not in path and not path.partition("?")[0].endswith("/search")


class WriteProxy:
    """Forwards to ``upstream``, over TLS (whose certificate is not looked at) or plain.

    Attributes:
        url: where it listens, always plain.
        answer: may give a status to answer in the place of upstream, by method and path; 0 forwards.
        forwarded: hears method, path and status of each finished write.
    """

    def __init__(self, upstream: str, writes: Writes) -> None:
        self.upstream, self.writes = urlsplit(upstream), writes
        self.answer: Callable[[str, str], int] = lambda method, path: 0
        self.forwarded: Callable[[str, str, int], None] = lambda method, path, status: None
        self._trust = ssl._create_unverified_context() if self.upstream.scheme == "https" else None
        handler = type("Handler", (_Forwarding,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening; requests under way end by themselves."""
        self._server.shutdown()
        self._server.server_close()

    def connection(self) -> HTTPConnection:
        """A new connection to ``upstream``."""
        host, port = self.upstream.hostname or "", self.upstream.port
        if self._trust:
            return HTTPSConnection(host, port, timeout=_UPSTREAM_SECONDS, context=self._trust)
        return HTTPConnection(host, port, timeout=_UPSTREAM_SECONDS)


class _Forwarding(BaseHTTPRequestHandler):
    proxy: ClassVar[WriteProxy]
    protocol_version = "HTTP/1.1"  # S3 clients send a body only after "100 Continue"

    def _forward(self) -> None:
        self.close_connection = True
        proxy, writes = self.proxy, self.proxy.writes
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if status := proxy.answer(self.command, self.path):
            self.send_error(status)
            return
        write = is_write(self.command, self.path)
        fatal = write and writes.count(f"{self.command} {self.path.partition('?')[0]}", body)
        if fatal and writes.freeze:
            writes.stop_until_thawed()
            fatal = False
        if fatal and writes.before:
            writes.kill()
            return
        connection = proxy.connection()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("connection", "expect")}
        connection.request(self.command, self.path, body, {**headers, "Connection": "close"})
        response = connection.getresponse()
        if write:
            proxy.forwarded(self.command, self.path, response.status)
        if fatal:
            response.read()
            writes.kill()
            return
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        # Watches come in pieces; the end of the connection ends the answer.
        while chunk := response.read1(_PIECE):
            self.wfile.write(chunk)
            self.wfile.flush()

    def handle(self) -> None:
        with suppress(OSError, HTTPException):  # the caller was killed, as it should be
            super().handle()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _forward

    def log_message(self, *_: object) -> None:
        pass
