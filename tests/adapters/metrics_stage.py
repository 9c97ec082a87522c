"""A real Prometheus for tests, and targets that it scrapes."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from kfp_lifecycle.core import settings
from kfp_lifecycle.local.ports import free_port

CONFIG: dict[str, Any] = {"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"}}
PAGES = 16


def wait(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


class Pages:
    """What targets expose, by the name of each; an empty page is a target that is gone."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = outer.pages.get(self.path.removeprefix("/"), "")
                self.send_response(200 if page else 404)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(page.encode())))
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Prometheus:
    """A running Prometheus. Its targets are fixed, as it takes five seconds to notice a new one."""

    def __init__(self, folder: Path, *others: tuple[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._pages = Pages()
        self._free = [f"target{number}" for number in range(PAGES)]
        fixed = [(self._pages.address, f"/{name}", name) for name in self._free]
        fixed += [(address, path, address) for address, path in others]
        statics = [
            {"targets": [address], "labels": {"__metrics_path__": path, "instance": instance}}
            for address, path, instance in fixed
        ]
        jobs = [{"job_name": "tests", "static_configs": statics}]
        (folder / "prometheus.yml").write_text(json.dumps({**CONFIG, "scrape_configs": jobs}))
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=subprocess.STDOUT
            )
        wait(self._is_ready, f"Prometheus ready, see {folder}/log")

    def target(self) -> str:
        """A target of one's own."""
        return self._free.pop()

    def expose(self, target: str, page: str) -> None:
        """Let a target expose a page, or with an empty one be gone, and wait until Prometheus knows."""
        self._pages.pages[target] = page
        self.wait_scraped(target, up=1 if page else 0)

    def wait_scraped(self, instance: str, up: int = 1) -> None:
        """Wait for a scrape that begins from now on, and succeeds or fails."""
        up_now = f'up{{instance="{instance}"}}'
        query = f"timestamp({up_now}) > {time.time():.3f} and {up_now} == {up}"
        wait(lambda: self.ask(query), f"{instance} scraped with up={up}")

    def ask(self, query: str) -> list[object]:
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}).raise_for_status()
        return list(answer.json()["data"]["result"])

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._pages.close()

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, "Prometheus ended"
        try:
            return httpx.get(f"{self.url}/-/ready").status_code == 200
        except httpx.TransportError:
            return False


def start_prometheus(folder: Path, *others: tuple[str, str]) -> Prometheus:
    """A running Prometheus, that also scrapes ``others``: address and path of each; or the test is skipped."""
    if not shutil.which("prometheus"):
        pytest.skip("prometheus is not installed: apt-get install prometheus")
    return Prometheus(folder, *others)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    made = start_prometheus(tmp_path_factory.mktemp("prometheus"))
    yield made
    made.stop()


@pytest.fixture
def prometheus_url(prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch) -> str:
    """The setting of a step names the test's Prometheus."""
    monkeypatch.setenv(settings.PROMETHEUS_URL, prometheus.url)
    return prometheus.url
