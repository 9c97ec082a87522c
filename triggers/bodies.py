"""Request bodies, read up to a limit and no further."""

from __future__ import annotations

from fastapi import Request

from kfp_lifecycle.adapters import request_bodies

LARGEST = 1 << 20
SECONDS = 10.0  # for a whole body
_DISCARDED = 12 << 20


async def read(request: Request) -> bytes:
    """The body.

    Raises:
        HTTPException: 413 for more than 1 MiB, whether the length was given or not; 408 for one that does not end; 400
            for one that was cut off.
    """
    return await request_bodies.read(request, LARGEST, SECONDS, _DISCARDED)
