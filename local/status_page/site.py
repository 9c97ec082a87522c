"""What all pages share: where things are kept, the templates, and how a page is rendered."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kfp_lifecycle.local.kfp_api.database import ThreadConnections
from kfp_lifecycle.local.state import StateFolder
from kfp_lifecycle.local.status_page import words
from kfp_lifecycle.local.status_page.forms import token

_FOLDER = Path(__file__).parent
ASSETS = _FOLDER / "assets"


@dataclass(frozen=True)
class Site:
    """What a page may need.

    Attributes:
        connections: to the database, one for each thread.
        wake: tells the executor and the scheduler that something changed.
        writable: whether there are buttons; not where the KFP API wants tokens, as a browser has none.
        secret: of this process, for the forms' tokens.
    """

    connections: ThreadConnections
    state: StateFolder
    wake: Callable[[], None]
    writable: bool = True
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))


def render(request: Request, site: Site, template: str, *, status: int = 200, **values: Any) -> Response:
    """A page from its template; ``now`` and the form's token are known in all of them."""
    path = request.url.path
    page = _TEMPLATES.get_template(template).render(
        path=path,
        section=path.split("/")[1],
        origin=f"{request.url.scheme}://{request.url.netloc}",
        now=time.time(),
        writable=site.writable,
        form_token=lambda action: token(site.secret, action),
        **values,
    )
    return HTMLResponse(page, status)


def missing(what: str) -> HTTPException:
    """The 404 for a thing that is not there."""
    return HTTPException(404, f"There is no {what}. It may have been deleted, or the address is of another cluster.")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (
        words.cut,
        words.distance,
        words.duration,
        words.iso,
        words.moment,
        words.reason,
        words.shown,
        words.size,
        words.state_kind,
        words.state_word,
    ):
        environment.filters[function.__name__] = function
    return environment


_TEMPLATES = _environment()
