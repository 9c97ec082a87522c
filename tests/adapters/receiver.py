"""A receiver of webhooks that does as a test tells it, byte by byte where it must."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

Behaviour = Callable[[socket.socket], None]


def answering(status: str, *headers: str, body: bytes = b"") -> Behaviour:
    """Answer with a status line such as ``500 Oops``."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return lambda peer: peer.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def hanging(peer: socket.socket) -> None:
    """Say nothing until the other side leaves."""
    peer.settimeout(30)
    peer.recv(1)


def dripping(peer: socket.socket) -> None:
    """A header without an end, a byte at a time, each in time for a time-out between two of them."""
    peer.sendall(b"HTTP/1.1 200 OK\r\nX-Endless: ")
    while True:
        peer.sendall(b"a")
        time.sleep(0.05)


def raw(answer: bytes) -> Behaviour:
    return lambda peer: peer.sendall(answer)


class Receiver:
    """Takes requests one after the other; the last behaviour goes on for ever."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self._behaviours = list(behaviours)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/hook/s3cret-path"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            behaviour = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
            threading.Thread(target=self._one, args=(peer, behaviour), daemon=True).start()

    def _one(self, peer: socket.socket, behaviour: Behaviour) -> None:
        with peer:
            try:
                self._read(peer)
                behaviour(peer)
            except OSError:
                pass

    def _read(self, peer: socket.socket) -> None:
        peer.settimeout(10)
        data = b""
        while b"\r\n\r\n" not in data:
            data += peer.recv(65536)
        head, body = data.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers["content-length"]):
            body += peer.recv(65536)
        self.requests.append((first, headers, body))

    def close(self) -> None:
        self._server.close()
