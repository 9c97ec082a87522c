"""Does a metrics endpoint that fails, in whatever way, end in one error within a bounded time?"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kfp_lifecycle.adapters import counter_requests
from kfp_lifecycle.adapters.counters import CounterError, NoSeries, open_source
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.arms import Arms
from kfp_lifecycle.local.ports import free_port

ARMS = Arms("churn", "prod", "churn-v2-predictor", "churn-v1-predictor")


def vector(value: object = "5") -> bytes:
    result = [{"metric": {"__name__": "x", "pod": "a"}, "value": [1.0, value]}]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


class Server:
    """Answers as told, the last answer for ever; ``pause`` is the time between two bytes."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = [(200, vector())]
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.pause = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
                status, body = outer.answers[min(len(outer.asked), len(outer.answers)) - 1]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    for place in range(len(body)) if outer.pause else ():
                        self.wfile.write(body[place : place + 1])
                        time.sleep(outer.pause)
                    if not outer.pause:
                        self.wfile.write(body)
                except OSError:
                    pass  # the reader left, as it should

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://user:hunter2@127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    monkeypatch.setenv(settings.PROMETHEUS_URL, made.url)
    monkeypatch.setenv(settings.ENVOY_ADMIN_URL, made.url)
    monkeypatch.setattr(counter_requests, "_PATIENCE", 1.5)
    yield made
    made.server.shutdown()
    made.server.server_close()


def read(metrics: str = "istio") -> Any:
    return open_source(metrics, "", 0).read(ARMS)


@pytest.mark.parametrize("metrics", ["istio", "envoy"])
def test_an_endpoint_that_is_down_is_an_error_within_its_patience(
    server: Server, monkeypatch: pytest.MonkeyPatch, metrics: str
) -> None:
    for name in (settings.PROMETHEUS_URL, settings.ENVOY_ADMIN_URL):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    with pytest.raises(CounterError, match=r"at http://127.0.0.1:\d+: ConnectError"):
        read(metrics)
    assert time.monotonic() - began < 60


def test_an_endpoint_that_drips_is_an_error_within_its_patience(server: Server) -> None:
    server.pause = 0.1
    began = time.monotonic()
    with pytest.raises(CounterError, match="no whole answer within"):
        read()
    assert time.monotonic() - began < 60


def test_a_passing_failure_is_asked_again(server: Server) -> None:
    server.answers = [(503, b"starting"), (200, vector())]
    assert read().canary.requests == {'pod="a"': 5.0}


def test_a_lasting_failure_says_what_came_and_no_password(server: Server) -> None:
    server.answers = [(502, b"no healthy upstream")]
    with pytest.raises(CounterError, match="HTTP 502: no healthy upstream") as caught:
        read()
    assert len(server.asked) > 1
    assert "hunter2" not in str(caught.value)


def test_a_refusal_is_not_asked_again_and_names_the_token(server: Server) -> None:
    server.answers = [(403, b"forbidden")]
    with pytest.raises(CounterError, match=settings.PROMETHEUS_TOKEN_FILE):
        read()
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>login</html>", "no JSON"),
        (302, b"", "HTTP 302"),
        (200, b"[]", "refuses"),
        (422, b'{"status": "error", "errorType": "execution", "error": "many-to-many"}', "many-to-many"),
        (400, b'{"status": "error", "errorType": "bad_data", "error": "parse error"}', "parse error"),
        (200, b'{"status": "success", "data": {"resultType": "matrix", "result": []}}', "it is a matrix"),
        (200, b'{"status": "success", "data": {"resultType": "vector", "result": [{}]}}', "no vector"),
        (200, b'{"status": "success"}', "no vector"),
        (200, vector("many"), "no vector"),
    ],
)
def test_an_answer_that_is_none_is_an_error(server: Server, status: int, body: bytes, said: str) -> None:
    server.answers = [(status, body)]
    with pytest.raises(CounterError, match=said):
        read()
    assert len(server.asked) == 1


def test_an_answer_without_end_is_an_error(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter_requests, "_MOST_BYTES", 1 << 20)
    server.answers = [(200, b" " * (2 << 20))]
    with pytest.raises(CounterError, match="larger than 1 MiB"):
        read()


def test_envoy_is_an_error_without_statistics_and_names_a_cluster_it_does_not_know(server: Server) -> None:
    server.answers = [(200, b"<html>")]
    with pytest.raises(CounterError, match="no Prometheus text"):
        read("envoy")
    server.answers = [(200, b'envoy_cluster_upstream_rq_total{envoy_cluster_name="prod_churn-v1-predictor"} 0\n')]
    with pytest.raises(NoSeries, match="finds no cluster prod_churn-v2-predictor:"):
        read("envoy")


def test_all_queries_of_a_snapshot_have_one_time_and_the_token_of_their_moment(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    monkeypatch.setenv(settings.PROMETHEUS_TOKEN_FILE, str(token))
    monkeypatch.setenv(settings.PROMETHEUS_URL, server.url.replace("user:hunter2@", ""))
    source = open_source("istio", "", 0)
    source.read(ARMS)
    token.write_text("second\n")
    source.read(ARMS)
    times = [path.rpartition("time=")[2] for path, _ in server.asked]
    assert [len(set(each)) for each in (times[:6], times[6:])] == [1, 1]
    assert times[0] != times[6]
    tokens = [headers["authorization"] for _, headers in server.asked]
    assert tokens == ["Bearer first"] * 6 + ["Bearer second"] * 6


def test_a_missing_token_or_certificate_is_an_error_that_names_the_file(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (settings.PROMETHEUS_TOKEN_FILE, settings.PROMETHEUS_CA_FILE):
        monkeypatch.setenv(name, "/nowhere/file")
        with pytest.raises(CounterError, match="/nowhere/file"):
            read()


def test_an_https_prometheus_is_trusted_by_its_certificate_authority(
    https_server: Any, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    https_server.files["/api/v1/query"] = vector()
    monkeypatch.setenv(settings.PROMETHEUS_URL, https_server.url)
    monkeypatch.setattr(counter_requests, "_PATIENCE", 1.0)
    with pytest.raises(CounterError, match="CERTIFICATE_VERIFY_FAILED"):
        read()
    monkeypatch.setenv(settings.PROMETHEUS_CA_FILE, str(certificate[0]))
    assert read().stable.requests == {'pod="a"': 5.0}
