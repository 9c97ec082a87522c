from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from kfp_lifecycle.serving.refusal import Refusal
from kfp_lifecycle.serving.request_body import check_headers, read_body


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/json",
        b"application/json; charset=utf-8",
        b"application/json;charset=UTF-8",
        b'Application/JSON; charset="utf-8"',
        b"application/json; profile=x",
        b"",
    ],
)
def test_json_in_utf8_is_taken_however_it_is_written(content_type: bytes) -> None:
    check_headers([(b"content-type", content_type)], 10)


@pytest.mark.parametrize(
    "header",
    [
        (b"content-type", b"text/plain"),
        (b"content-type", b"application/json; charset=latin-1"),
        (b"content-type", b"application/octet-stream"),
        (b"content-type", b"application/jsonlines"),
        (b"content-type", b"\xff"),
        (b"content-encoding", b"gzip"),
        (b"inference-header-content-length", b"12"),
    ],
)
def test_anything_else_is_415(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(Refusal) as refused:
        check_headers([header], 10)
    assert refused.value.status == 415


def test_a_length_above_the_limit_is_413_before_the_body_is_read() -> None:
    check_headers([(b"content-length", b"10")], 10)
    with pytest.raises(Refusal) as refused:
        check_headers([(b"content-length", b"11")], 10)
    assert refused.value.status == 413


def read(messages: list[dict[str, Any]], limit: int) -> tuple[bytes | None, int]:
    """The body read, and how many messages were left unread."""
    left: Iterator[dict[str, Any]] = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(left)

    return asyncio.run(read_body(receive, limit)), len(list(left))


def part(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_parts_are_joined() -> None:
    assert read([part(b"abc", True), part(b"", True), part(b"de", False)], 5) == (b"abcde", 0)


def test_parts_without_a_length_stop_at_the_limit() -> None:
    unread = iter([part(b"abc", True), part(b"def", True), part(b"never read", True)])

    async def receive() -> dict[str, Any]:
        return next(unread)

    with pytest.raises(Refusal) as refused:
        asyncio.run(read_body(receive, 5))
    assert refused.value.status == 413
    assert len(list(unread)) == 1


def test_a_client_that_goes_away_gets_no_answer() -> None:
    assert read([part(b"abc", True), {"type": "http.disconnect"}], 5) == (None, 0)
