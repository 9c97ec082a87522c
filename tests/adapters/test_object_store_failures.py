"""Which failures are repeated, and what is said when that does not help."""

from __future__ import annotations

import socket

import pytest

from kfp_lifecycle.adapters import object_access
from kfp_lifecycle.adapters.object_store import exists, list_files, open_input, read_bytes
from kfp_lifecycle.core.errors import InputError


def test_an_https_file_is_fetched_whole_and_can_seek(https_server):
    https_server.files["/flights.csv"] = bytes(range(256)) * 5000
    with open_input(f"{https_server.url}/flights.csv?token=1") as stream:
        stream.seek(256 * 4999)
        assert stream.read() == bytes(range(256))
    assert list_files(f"{https_server.url}/flights.csv") == [f"{https_server.url}/flights.csv"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_https_server_that_fails_twice_is_asked_again(https_server, status):
    https_server.files["/a"] = b"content"
    https_server.failures, https_server.status = 2, status
    assert read_bytes(f"{https_server.url}/a") == b"content"


def test_an_https_server_that_keeps_failing_is_named_and_left_alone(https_server):
    https_server.failures = 1000
    with pytest.raises(ConnectionError, match=rf"{https_server.url}/a: the store failed 4 times"):
        read_bytes(f"{https_server.url}/a?token=secret")
    assert https_server.requests <= 2 * object_access.ATTEMPTS


@pytest.mark.parametrize(("status", "expected"), [(404, "an existing file"), (403, "may read"), (401, "may read")])
def test_an_https_refusal_is_not_repeated(https_server, status, expected):
    https_server.failures, https_server.status = 1000, status
    with pytest.raises(InputError, match=expected) as refusal:
        read_bytes(f"{https_server.url}/a?token=secret")
    assert https_server.requests <= 2
    assert "secret" not in str(refusal.value)


def test_an_https_file_above_the_limit_is_not_fetched_to_its_end(https_server):
    https_server.files["/a"] = bytes(5_000_000)
    with pytest.raises(InputError, match="at most 1000 bytes over https"):
        read_bytes(f"{https_server.url}/a", limit=1000)


def test_an_https_file_is_there_or_not(https_server):
    https_server.files["/a"] = b"content"
    assert exists(f"{https_server.url}/a")
    assert not exists(f"{https_server.url}/b")


def test_a_wildcard_over_https_is_refused():
    with pytest.raises(InputError, match="name each"):
        list_files("https://example.com/*.csv")


def test_an_s3_server_that_keeps_failing_for_a_moment_is_asked_again(web_server, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL": web_server.url,
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    web_server.files["/bucket/a"] = b"content"
    web_server.failures = 4
    assert read_bytes("s3://bucket/a") == b"content"


def test_an_s3_server_that_is_down_is_named(monkeypatch):
    monkeypatch.setattr(object_access, "ATTEMPTS", 2)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        with pytest.raises(ConnectionError, match=r"s3://bucket/a: the store failed 2 times.*Could not connect"):
            read_bytes("s3://bucket/a")
