"""A server is ready when it says so, and not when anything else has its port."""

from __future__ import annotations

import socket
import threading

import pytest

from kfp_lifecycle.local import kfp_server, mlflow_server, ports


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", True),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", False),
        (b"220 mail.example ESMTP\r\n", False),
        (b"", False),
    ],
)
def test_only_a_good_answer_means_ready(answer: bytes, expected: bool) -> None:
    with ports.listening(0) as server:

        def serve() -> None:
            for _ in range(2):
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert kfp_server.is_ready(url) is expected
        assert mlflow_server.is_ready(url) is expected
        thread.join(10)
    assert kfp_server.is_ready(url) is False


def test_a_listening_socket_sends_at_once() -> None:
    with ports.listening(0) as server:
        assert server.getsockname()[0] == "127.0.0.1"
        # What asyncio looks at before it turns off Nagle's algorithm.
        assert server.proto == socket.IPPROTO_TCP
