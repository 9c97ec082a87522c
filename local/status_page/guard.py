"""What stands around every page: its headers, and what becomes of errors.

The checks of Host and Origin are those of the KFP API's ``guard``, which stands before both.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from kfp_lifecycle.adapters import request_bodies
from kfp_lifecycle.local.status_page import forms
from kfp_lifecycle.local.status_page.site import Site, render

_log = logging.getLogger(__name__)

Page = Callable[[Request, Site], Response]

# 'self' scripts and styles only: nothing that a run, a model or a name brings along is ever executed.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def answer(page: Page, request: Request, site: Site) -> Response:
    """The page with its headers; an error is a page too."""
    try:
        response = page(request, site)
    except HTTPException as error:
        response = _told(request, site, error.status_code, error.detail)
    except OSError as error:
        _log.warning("%s: %s", request.url.path, error)
        response = _told(request, site, 503, f"A file that this page shows cannot be read ({error.strerror or error}).")
    except sqlite3.Error as error:
        _log.warning("%s: %s", request.url.path, error)
        text = f"The database of runs does not answer ({error}). See `kfp-lifecycle local logs`."
        response = _told(request, site, 503, text)
    return with_headers(response, HEADERS)


def with_headers(response: Response, headers: Mapping[str, str]) -> Response:
    """The response with these headers, where it has none of its own."""
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    return response


async def form_answer(action: Page, request: Request, site: Site) -> Response:
    """The answer to a pressed button."""
    try:
        body = await request_bodies.read(request, forms.LARGEST_BYTES)
    except HTTPException as error:
        return with_headers(PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers), HEADERS)

    def checked(request: Request, site: Site) -> Response:
        if not site.writable:
            raise HTTPException(403, "This KFP API wants tokens, and a browser has none: use kfp.Client for this.")
        forms.check(site.secret, request.url.path, body)
        return action(request, site)

    return await run_in_threadpool(answer, checked, request, site)


def _told(request: Request, site: Site, status: int, text: str) -> Response:
    return render(request, site, "error.html", status=status, text=text)
