"""A body that does not end, or is cut off, is refused in time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from kfp_lifecycle.triggers import bodies


def refusal(*messages: dict[str, Any], headers: dict[str, str] | None = None) -> HTTPException:
    """What reading answers when the messages come and then nothing more."""
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if left:
            return left.pop(0)
        await asyncio.sleep(60)
        raise AssertionError("read for a minute")

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    with pytest.raises(HTTPException) as refused:
        asyncio.run(bodies.read(Request({"type": "http", "method": "POST", "headers": raw}, receive)))
    return refused.value


def test_a_body_that_does_not_end_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SECONDS", 0.1)
    assert refusal({"type": "http.request", "body": b"{", "more_body": True}).status_code == 408


def test_a_body_that_is_cut_off_is_400() -> None:
    found = refusal({"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"})
    assert found.status_code == 400


def test_an_announced_length_is_refused_before_anything_is_read() -> None:
    assert refusal(headers={"content-length": str(bodies.LARGEST + 1)}).status_code == 413


def test_what_is_too_large_is_read_on_for_a_while_so_that_its_sender_hears_why() -> None:
    sent = [{"type": "http.request", "body": b"x" * bodies.LARGEST, "more_body": True} for _ in range(3)]
    left = [*sent, {"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    with pytest.raises(HTTPException) as refused:
        asyncio.run(bodies.read(Request({"type": "http", "method": "POST", "headers": []}, receive)))
    assert (refused.value.status_code, left) == (413, [])
