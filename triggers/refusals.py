"""Answers that refuse a request before its body was read."""

from __future__ import annotations

import asyncio
import json

from fastapi import HTTPException, Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.types import Receive, Scope, Send

# The rest of a body that is not wanted must not be taken for the next request, nor be read at all.
CLOSE = {"Connection": "close"}
_LINGER = 1.0  # seconds


class LingeringResponse(Response):
    """Leaves the connection open for a second after the whole answer was sent, without reading from it.

    A socket that is closed with unread data is reset, and a reset may overtake the answer on its way to a sender that
    is still busy sending.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await asyncio.sleep(_LINGER)
        await send({"type": "http.response.body", "body": b""})


async def answer(request: Request, error: Exception) -> Response:
    """The answer to an ``HTTPException``; one that closes the connection does so late."""
    assert isinstance(error, HTTPException)
    if "Connection" not in (error.headers or {}):
        return await http_exception_handler(request, error)
    content = json.dumps({"detail": error.detail})
    return LingeringResponse(content, error.status_code, error.headers, "application/json")
