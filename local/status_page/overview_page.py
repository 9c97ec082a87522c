"""The first page: is it up, what runs, what ran, what comes next, what serves."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from kfp_lifecycle.local.status_page import live, queries
from kfp_lifecycle.local.status_page.site import Site, render
from kfp_lifecycle.local.status_page.trigger_words import in_words

_LINES = 8


def overview(request: Request, site: Site) -> Response:
    """What a newcomer needs first."""
    connection = site.connections.connection
    known = live.record(site.state)
    running, _ = queries.run_lines(connection, size=_LINES, active=True)
    last, more = queries.run_lines(connection, size=_LINES)
    schedules = queries.schedule_lines(connection, last=1)
    return render(
        request,
        site,
        "overview.html",
        known=known,
        parts=live.parts(known),
        running=running,
        last=last,
        more=more,
        schedules=schedules[:_LINES],
        more_schedules=len(schedules) > _LINES,
        services=live.services(site.state, known),
        folder=str(site.state.path),
        in_words=in_words,
    )
