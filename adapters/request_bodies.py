"""Bodies of requests to our own servers, read up to a limit and no further, and not for ever."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

SECONDS = 30.0  # for a whole body, unless said otherwise
# Of a body that is too large. A connection closed on unread bytes is reset, and a client that is still sending would
# lose the answer that says why.
_DISCARDED_SECONDS = 2.0
# What is left of the body would be taken for the next request.
CLOSE = {"Connection": "close"}


async def read(request: Request, largest: int, seconds: float = 0.0, discarded: int = 64 << 20) -> bytes:
    """The body, of at most so many bytes.

    Args:
        request: whose body it is.
        largest: bytes.
        seconds: for a whole body; 0 for half a minute.
        discarded: bytes of a body that is too large that are read all the same, for two seconds at most.

    Raises:
        HTTPException: 413, it is larger, its length given or not; 408, it does not end; 400, it was cut off.
    """
    seconds = seconds or SECONDS
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > 18 or int(announced) > largest:
        await _discard(request, discarded)
        raise _too_large(largest)
    content = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                if len(content) + len(part) > largest:
                    break
                content += part
            else:
                return bytes(content)
    except TimeoutError as error:
        raise HTTPException(408, f"the body did not end within {seconds:.0f} s", CLOSE) from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the body was cut off", CLOSE) from error
    await _discard(request, discarded)
    raise _too_large(largest)


async def _discard(request: Request, most: int) -> None:
    """Read on for a while, keeping nothing."""
    size = 0
    with contextlib.suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(_DISCARDED_SECONDS):
            while size < most:
                message = await request.receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _too_large(largest: int) -> HTTPException:
    return HTTPException(413, f"the request is larger than {largest} bytes", CLOSE)
