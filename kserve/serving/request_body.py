"""Reading of a request's body up to a limit, and the content type it must have."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from kfp_lifecycle.serving.refusal import NOT_JSON, TOO_LARGE, Refusal, shown

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Headers = Iterable[tuple[bytes, bytes]]

_JSON = b"application/json"
# How much of a refused body is still read, so that its sender gets to see the answer instead of a reset connection.
_DISCARDED_BYTES = 64 << 20
_DISCARD_SECONDS = 5.0
_UTF8 = {b"utf-8", b"utf8"}


def _too_large(limit: int) -> Refusal:
    return Refusal(f"the body is larger than {limit} bytes: send fewer rows per request", TOO_LARGE)


def refuse_other_types(content_type: bytes) -> None:
    """Refuse what is not JSON in UTF-8; a request without the header is taken as JSON.

    Raises:
        Refusal: 415.
    """
    if content_type in (_JSON, b""):
        return
    kind, *parameters = (part.strip().lower() for part in content_type.split(b";"))
    charsets = [
        value.strip(b"\"' ")
        for key, _, value in (part.partition(b"=") for part in parameters)
        if key.strip() == b"charset"
    ]
    if kind != _JSON or any(charset not in _UTF8 for charset in charsets):
        raise Refusal(
            f"content type {shown(content_type.decode('latin-1'))}: expected application/json in UTF-8", NOT_JSON
        )


def check_headers(headers: Headers, limit: int) -> None:
    """Refuse a body by its headers, before any of it is read.

    Raises:
        Refusal: 415 for a content type or encoding other than plain JSON, 413 for a length above the limit.
    """
    for name, value in headers:
        if name == b"content-type":
            refuse_other_types(value)
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise Refusal("compressed bodies are not supported: send plain JSON", NOT_JSON)
        elif name == b"inference-header-content-length":
            raise Refusal("binary tensors are not supported: send their data as JSON", NOT_JSON)
        elif name == b"content-length" and value.isdigit() and int(value) > limit:
            raise _too_large(limit)


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None when the client went away.

    Raises:
        Refusal: 413 as soon as more than ``limit`` bytes have come, with or without a length in the headers.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return part if not parts else b"".join([*parts, part])
        parts.append(part)


async def discard_body(receive: Receive) -> None:
    """Read what is left of a refused body, within bounds of size and time."""
    left = _DISCARDED_BYTES
    try:
        async with asyncio.timeout(_DISCARD_SECONDS):
            while left > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))
    except TimeoutError:
        return
