"""A page in a browser on this machine gets nothing out of the API and nothing into it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from starlette.requests import Request
from starlette.responses import JSONResponse
from tests.local.kfp_api.serving import serving

from kfp_lifecycle.adapters import request_bodies
from kfp_lifecycle.local.kfp_api.errors import ApiError
from kfp_lifecycle.local.kfp_api.guard import check_origin
from kfp_lifecycle.local.state import StateFolder
from kfp_lifecycle.local.status_page.routes import routes


def allowed(method: str, **headers: str) -> bool:
    """Whether a request with these headers passes."""
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": "/", "headers": raw, "scheme": "http", "query_string": b""}
    try:
        check_origin(Request(scope))
    except ApiError as error:
        assert error.status == 403
        return False
    return True


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8888", "localhost:8888", "[::1]:8888", "LOCALHOST"])
def test_loopback_names_pass(host: str) -> None:
    assert allowed("GET", host=host)
    assert allowed("POST", host=host)
    assert allowed("POST", host=host, origin=f"http://{host}")


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "evil@localhost.x", "[", "::1"]
)
def test_foreign_names_do_not(host: str) -> None:
    assert not allowed("GET", host=host)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:1", "http://127.0.0.1:2", ""])
def test_a_foreign_page_may_not_change_anything(origin: str) -> None:
    for method in ("POST", "DELETE", "PATCH", "PUT"):
        assert not allowed(method, host="127.0.0.1:1", origin=origin)
    assert not allowed("POST", host="127.0.0.1:1", sec_fetch_site="cross-site")


@given(host=some.text("abc.127:0[]@/#?% localhost", max_size=24))
@settings(max_examples=300, deadline=None)
def test_any_host_passes_or_is_refused_and_only_loopback_passes(host: str) -> None:
    if allowed("GET", host=host):
        assert httpx.URL(f"http://{host}").host in ("127.0.0.1", "localhost", "::1")


@pytest.mark.parametrize("path", ["/apis/v2beta1/runs", "/apis/v2beta1/pipelines/upload", "/runs/none/terminate"])
def test_a_body_that_does_not_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(request_bodies, "SECONDS", 0.2)
    pages = routes(tmp_path / "kfp.sqlite", StateFolder.at(tmp_path / "state"))
    with serving(tmp_path / "kfp.sqlite", pages=pages) as url, begun(url, path) as connection:
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("connection")) == (408, "close")


@pytest.mark.parametrize("path", ["/apis/v2beta1/runs", "/runs/none/terminate"])
def test_a_client_that_goes_away_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], path: str
) -> None:
    pages = routes(tmp_path / "kfp.sqlite", StateFolder.at(tmp_path / "state"))
    with serving(tmp_path / "kfp.sqlite", pages=pages) as url:
        with begun(url, path):
            pass
        # The next answer comes after what became of it.
        assert httpx.get(f"{url}/apis/v2beta1/healthz").status_code == 200
    assert not caplog.records
    assert "Traceback" not in capfd.readouterr().err


def test_answers_are_written_beside_the_thread_that_takes_requests(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    def render(response: JSONResponse, content: object) -> bytes:
        threads.append(threading.current_thread().name)
        return json.dumps(content).encode()

    monkeypatch.setattr(JSONResponse, "render", render)
    assert httpx.get(f"{url}/apis/v2beta1/runs").status_code == 200
    assert [name for name in threads if "AnyIO" in name] == threads != []


@contextmanager
def begun(url: str, path: str) -> Iterator[http.client.HTTPConnection]:
    """A connection on which a request has begun whose body does not come as a whole."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", path)
    connection.putheader("Content-Length", "100")
    connection.endheaders(b"{")
    try:
        yield connection
    finally:
        connection.close()


def test_the_whole_server_is_guarded(url: str) -> None:
    for path in ("/apis/v2beta1/runs", "/apis/v2beta1/healthz", "/apis/v1beta1/runs", "/", "/nothing"):
        answer = httpx.get(f"{url}{path}", headers={"Host": "rebound.example"})
        assert (answer.status_code, answer.json()["code"]) == (403, 7)
    answer = httpx.post(f"{url}/apis/v2beta1/experiments", json={"display_name": "x"}, headers={"Origin": "http://x"})
    assert answer.status_code == 403
    same = httpx.post(f"{url}/apis/v2beta1/experiments", json={"display_name": "x"}, headers={"Origin": url})
    assert same.status_code == 200
    # No cross-origin page may read an answer: nothing allows it to.
    assert not [name for name in same.headers if name.startswith("access-control")]
