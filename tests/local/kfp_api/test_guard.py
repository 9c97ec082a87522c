"""A page in a browser on this machine gets nothing out of the API and nothing into it."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from starlette.requests import Request

from kfp_lifecycle.local.kfp_api.errors import ApiError
from kfp_lifecycle.local.kfp_api.guard import check_origin


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
