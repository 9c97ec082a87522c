"""Request bodies, read up to a limit and no further."""

from __future__ import annotations

import asyncio

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from kfp_lifecycle.triggers.refusals import CLOSE

LARGEST = 1 << 20
SECONDS = 10.0  # for a whole body


async def read(request: Request) -> bytes:
    """The body.

    Raises:
        HTTPException: 413 for more than 1 MiB, whether the length was given or not; 408 for one that does not end; 400
            for one that was cut off.
    """
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > LARGEST:
        raise _too_large()
    content = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for chunk in request.stream():
                if len(content) + len(chunk) > LARGEST:
                    raise _too_large()
                content += chunk
    except TimeoutError as error:
        raise HTTPException(408, f"the body did not end within {SECONDS:.0f} s", CLOSE) from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the body was cut off", CLOSE) from error
    return bytes(content)


def _too_large() -> HTTPException:
    return HTTPException(413, f"expected a body of at most {LARGEST} bytes", CLOSE)
