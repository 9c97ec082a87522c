"""What every request must pass: a browser on this machine must not be used against the API by a foreign page."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from kfp_lifecycle.adapters import request_bodies
from kfp_lifecycle.local.kfp_api import errors

LARGEST_BODY = 8 << 20
_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_SAFE = frozenset({"GET", "HEAD"})


def guarded(app: ASGIApp) -> ASGIApp:
    """The app, asked only by those whom :func:`check_origin` lets through."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                check_origin(Request(scope))
            except errors.ApiError as error:
                await JSONResponse(error.body(), error.status)(scope, receive, send)
                return
        await app(scope, receive, send)

    return checked


def check_origin(request: Request) -> None:
    """Refuse what came by a foreign name or from a foreign page.

    A foreign page reaches a loopback port in two ways: its own name is made to resolve to 127.0.0.1 (then the Host
    header is wrong), or it sends a form or script request across origins (then a browser says so in Origin).

    Raises:
        ApiError: 403.
    """
    host = request.headers.get("host", "")
    if _name(f"http://{host}") not in _HOSTS:
        raise errors.denied(f"the Host header {host[:100]!r} is not one of {', '.join(sorted(_HOSTS))}")
    origin = request.headers.get("origin")
    foreign = origin is not None and origin != f"{request.url.scheme}://{host}"
    if request.method not in _SAFE and (foreign or request.headers.get("sec-fetch-site") == "cross-site"):
        raise errors.denied("requests of other origins may not change anything")


async def bounded_body(request: Request) -> bytes:
    """The body.

    Raises:
        ApiError: 413, it is larger than 8 MiB; no more than that was read; 408, it does not end; 400, it was cut off.
    """
    try:
        return await request_bodies.read(request, LARGEST_BODY)
    except HTTPException as error:
        raise errors.unread(error.status_code, error.detail) from error


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
