"""The pages of runs: their list, and one with its task graph."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kfp_lifecycle.local.kfp_api import database, recurring_runs, runs, states, tasks
from kfp_lifecycle.local.kfp_api.runs import Run
from kfp_lifecycle.local.status_page import queries, task_values
from kfp_lifecycle.local.status_page.drawing import Drawing, draw
from kfp_lifecycle.local.status_page.graph import GraphError
from kfp_lifecycle.local.status_page.site import Site, missing, render

_STATES = (states.RUNNING, states.SUCCEEDED, states.FAILED, states.PENDING, states.CANCELED)
_FILTERS = {"state": "state", "pipeline": "pipeline_id", "schedule": "recurring_run_id", "experiment": "experiment_id"}
_MOST_PAGES = 10_000


def run_list(request: Request, site: Site) -> Response:
    """All runs, by pages, filtered by what the address asks for."""
    connection = site.connections.connection
    asked = {name: request.query_params.get(name, "") for name in _FILTERS}
    text = request.query_params.get("page", "1")
    page = min(max(int(text), 1), _MOST_PAGES) if text.isdecimal() and len(text) < 9 else 1
    lines, more = queries.run_lines(connection, {_FILTERS[name]: value for name, value in asked.items()}, page=page)
    return render(
        request,
        site,
        "runs.html",
        lines=lines,
        page=page,
        more=more,
        asked=asked,
        states=_STATES,
        pipelines=queries.pipeline_names(connection),
        unfinished=any(line.state in states.ACTIVE for line in lines),
    )


def run_page(request: Request, site: Site) -> Response:
    """One run."""
    connection = site.connections.connection
    run = find(request, site)
    executed = tasks.of_run(connection, run.id)
    recurring = recurring_runs.get(connection, run.recurring_run_id) if run.recurring_run_id else None
    drawing: Drawing | None = None
    undrawn = ""
    try:
        document = run.documents[0] if run.documents else {}
        drawing = draw(document, executed, finished=run.state in states.FINAL, now=time.time())
    except GraphError as error:
        undrawn = str(error)
    return render(
        request,
        site,
        "run.html",
        run=run,
        tasks=[(task, task_values.parameters(task.outputs)) for task in executed],
        failed=[task for task in executed if task.state == states.FAILED],
        recurring=recurring,
        pipeline=queries.pipeline_name(run.documents),
        drawing=drawing,
        undrawn=undrawn,
        unfinished=run.state in states.ACTIVE,
    )


def terminate(request: Request, site: Site) -> Response:
    """Ask for the end of a run; the executor ends it."""
    run = find(request, site)
    if run.state in states.ACTIVE:
        with database.transaction(site.connections.connection) as connection:
            runs.ask_to_end(connection, run.id)
        site.wake()
    return RedirectResponse(f"/runs/{run.id}", 303)


def find(request: Request, site: Site) -> Run:
    """The run of the address.

    Raises:
        HTTPException: 404.
    """
    run = runs.get(site.connections.connection, request.path_params["run"])
    if run is None:
        raise missing("such run")
    return run
