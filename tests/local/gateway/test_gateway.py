"""A running Envoy and the routes that it is given."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from kfp_lifecycle.local import ports
from kfp_lifecycle.local.gateway import admin
from kfp_lifecycle.local.gateway.gateway import Gateway, GatewayError
from kfp_lifecycle.local.gateway.routing import Backend, HostRoute, ServiceRoute

KEY = ("default", "demo")
HOST = "demo-default.example.com"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    one = Gateway(folder / "xds", port=ports.free_port(), admin_port=ports.free_port(), max_body_bytes=1000)
    process = one.start(log=folder / "envoy.log", state=folder)
    while not one.is_live():
        assert process.poll() is None
        time.sleep(0.02)
    yield one
    process.terminate()
    process.wait(10)


@pytest.fixture
def server() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield one.server_port
        one.shutdown()


def route(*servers: tuple[str, int, int], waits: bool = False) -> ServiceRoute:
    """Revisions with their port and weight."""
    backends = tuple(Backend(revision, (port,), "/ready") for revision, port, _ in servers)
    weights = tuple((revision, weight) for revision, _, weight in servers)
    return ServiceRoute(*KEY, backends, (HostRoute((HOST,), weights),), waits=waits)


def get(gateway: Gateway) -> tuple[int, str]:
    answer = httpx.get(f"{gateway.url}/x", headers={"Host": HOST}, timeout=30)
    return answer.status_code, answer.headers.get("x-kfp-lifecycle-revision", "")


def test_a_new_server_gets_its_share_only_when_it_is_healthy(gateway: Gateway, server: int) -> None:
    gateway.apply(KEY, route(("v1", server, 100)))
    late = ports.free_port()
    listening: list[ThreadingHTTPServer] = []

    def listen() -> None:
        time.sleep(1.5)
        listening.append(ThreadingHTTPServer(("127.0.0.1", late), Handler))
        listening[0].serve_forever()

    threading.Thread(target=listen, daemon=True).start()
    gateway.apply(KEY, route(("v1", server, 0), ("v2", late, 100)))
    assert listening
    assert {get(gateway) for _ in range(10)} == {(200, "v2")}
    listening[0].shutdown()
    listening[0].server_close()


def test_a_refused_configuration_raises_and_leaves_the_routes(gateway: Gateway, server: int) -> None:
    gateway.apply(KEY, route(("v1", server, 100)))
    with pytest.raises(GatewayError, match="not clusters.json taken within 10 s"):
        gateway.apply(KEY, route(("v1", 99_999, 100)))
    assert gateway.services[KEY] == route(("v1", server, 100))
    assert get(gateway) == (200, "v1")


def test_a_server_that_lost_its_share_stays_known_until_it_is_pruned(gateway: Gateway, server: int) -> None:
    def known() -> bool:
        return bool(admin.stats(gateway.admin_url, "^cluster[.]default_gone[.]membership_total$"))

    gateway.apply(KEY, route(("gone", server, 100)))
    gateway.apply(KEY, route(("v1", server, 100)))
    assert known()
    gateway.prune()
    assert not known()
    assert get(gateway) == (200, "v1")


def test_a_removed_service_is_not_found_and_the_limit_is_as_set(gateway: Gateway, server: int) -> None:
    gateway.apply(KEY, route(("v1", server, 100)))
    headers = {"Host": f"{HOST}:8080"}
    assert httpx.post(gateway.url, content=b"0" * 1001, headers=headers).status_code == 413
    gateway.apply(KEY, None)
    assert get(gateway) == (404, "")
