"""Proxies that count writes, and kill or stop the writer at any of them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Writes:
    """The mutating requests of one process, over all its proxies; at ``kill_at`` the process ends.

    With ``freeze`` it is stopped there instead, right before its write arrives, until ``thaw`` is set.
    """

    kill_at: int = 0
    before: bool = True
    freeze: bool = False
    frozen: threading.Event = field(default_factory=threading.Event)
    thaw: threading.Event = field(default_factory=threading.Event)
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
        if fatal and proxy.writes.freeze:
            os.kill(proxy.writes.victim, signal.SIGSTOP)
            proxy.writes.frozen.set()
            proxy.writes.thaw.wait(120)
            os.kill(proxy.writes.victim, signal.SIGCONT)
            fatal = False
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
