"""The page of recurring runs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kfp_lifecycle.local.kfp_api import database, recurring_runs
from kfp_lifecycle.local.status_page import queries
from kfp_lifecycle.local.status_page.site import Site, missing, render
from kfp_lifecycle.local.status_page.trigger_words import in_words


def schedule_list(request: Request, site: Site) -> Response:
    """All recurring runs."""
    lines = queries.schedule_lines(site.connections.connection)
    return render(request, site, "schedules.html", lines=lines, in_words=in_words)


def enable(request: Request, site: Site) -> Response:
    """Switch one on."""
    return _switched(request, site, True)


def disable(request: Request, site: Site) -> Response:
    """Switch one off; a run of it that is in progress goes on."""
    return _switched(request, site, False)


def _switched(request: Request, site: Site, enabled: bool) -> Response:
    identity = request.path_params["schedule"]
    with database.transaction(site.connections.connection) as connection:
        recurring = recurring_runs.get(connection, identity)
        if recurring is None:
            raise missing("such recurring run")
        # Setting what is set already would only forget the next slot.
        if recurring.enabled != enabled:
            recurring_runs.set_enabled(connection, identity, enabled)
    site.wake()
    return RedirectResponse("/schedules", 303)
