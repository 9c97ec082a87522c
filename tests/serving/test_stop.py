"""SIGTERM: the server drains, answers requests in flight, then ends."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PREDICT = "/v1/models/flights:predict"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def half_sent(server: Any, body: bytes) -> socket.socket:
    """A connection on which the head and half of the body of a request were sent."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    head = (
        f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body[: len(body) // 2])
    return connection


def listens(server: Any) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5):
            return True
    except OSError:
        return False


def test_a_server_drains_then_answers_what_is_in_flight_and_ends(
    serve: Any, model_directory: Path, instances: list[dict[str, Any]]
) -> None:
    body = json.dumps({"instances": instances * 50}).encode()
    with serve(model_directory, "--drain_seconds", "600") as server:
        assert server.listening() == {("127.0.0.1", server.port)}  # No gRPC unless asked for.
        server.process.terminate()
        until(lambda: server.call("GET", "/v2/models/flights/ready")[0] == 503)
        # Draining: gateways see that it is not ready, and whoever has not noticed is still answered.
        assert server.call("GET", "/v2/health/ready")[0] == 503
        assert server.call("GET", "/v1/models/flights")[0] == 503
        assert server.call("GET", "/v2/health/live")[0] == 200
        # A second of requests: uvicorn looks for its end ten times in it.
        second = time.monotonic() + 1
        while time.monotonic() < second:
            assert server.call("POST", PREDICT, {"instances": instances})[0] == 200
        connection = half_sent(server, body)
        server.call("GET", "/v2/health/live")  # Answered, so the connection before it was accepted too.
        # A second signal ends the wait, as the end of the drain would.
        server.process.terminate()
        until(lambda: not listens(server))
        assert server.process.poll() is None
        connection.sendall(body[len(body) // 2 :])
        answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"]) == 150
        assert server.process.wait(timeout=20) in (0, -15)
