"""Slow starts and silent connections keep neither the probes nor other senders out."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from tests.adapters.stand_in_kfp import StandInKfp
from tests.triggers.conftest import Stage, TriggerServer

from kfp_lifecycle.triggers.groups import AT_ONCE

CONNECTIONS = 256  # that the server holds at once


def test_the_probes_answer_while_more_starts_than_threads_are_slow(
    server: TriggerServer, stand_in_kfp: StandInKfp
) -> None:
    stand_in_kfp.gate.clear()
    with ThreadPoolExecutor(45) as senders:
        asked = [senders.submit(server.alert, None, model=f"slow {number}") for number in range(45)]
        until(lambda: stand_in_kfp.held == AT_ONCE)
        answers = [server.client.get(path).status_code for path in ("/healthz", "/readyz")]
        assert not any(each.done() for each in asked)
        assert answers == [200, 200]
        stand_in_kfp.gate.set()
        assert {each.result().status_code for each in asked} == {202}


def test_connections_that_ask_for_nothing_are_closed_and_a_slow_start_is_not(
    server: TriggerServer, stand_in_kfp: StandInKfp
) -> None:
    began = time.monotonic()
    stand_in_kfp.gate.clear()
    with ExitStack() as held, ThreadPoolExecutor(1) as sender:
        slow = sender.submit(server.alert, None, model="patient")
        idle = [held.enter_context(_connected(server)) for _ in range(CONNECTIONS)]
        idle[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: ")
        with httpx.Client(base_url=server.url, trust_env=False) as other:
            assert other.get("/healthz").status_code == 503
        for each in idle:
            assert each.recv(1) == b""
        assert time.monotonic() - began > 9
        with httpx.Client(base_url=server.url, trust_env=False) as other:
            assert other.get("/healthz").status_code == 200
        assert not slow.done()
        stand_in_kfp.gate.set()
        assert slow.result().status_code == 202


def test_a_half_request_after_a_whole_one_is_closed_as_well(server: TriggerServer) -> None:
    with _connected(server) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = b""
        while not answer.endswith(b'"ok"'):
            answer += client.recv(4096)
        client.sendall(b"GET /healthz HTTP/1.1\r\n")
        began = time.monotonic()
        assert client.recv(1) == b""
        assert time.monotonic() - began > 9


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("lease", ["0", "179", "3601", "nan"])
def test_a_lease_that_no_request_fits_into_is_refused(stage: Stage, lease: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kfp_lifecycle.cli", "trigger-server", "--config", str(stage.mapping), "--port", "0",
         "--lease", lease],
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert done.returncode == 2
    assert "180 to 3600 seconds" in done.stderr


def _connected(server: TriggerServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port))
