"""The addresses of the status page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from kfp_lifecycle.local.kfp_api.database import ThreadConnections
from kfp_lifecycle.local.state import StateFolder
from kfp_lifecycle.local.status_page import (
    overview_page,
    pipeline_pages,
    run_pages,
    schedule_pages,
    service_pages,
    task_pages,
)
from kfp_lifecycle.local.status_page.guard import Page, answer, form_answer
from kfp_lifecycle.local.status_page.site import ASSETS, Site, missing

_PAGES: tuple[tuple[str, Page], ...] = (
    ("/", overview_page.overview),
    ("/runs", run_pages.run_list),
    ("/runs/{run}", run_pages.run_page),
    ("/runs/{run}/tasks/{number:int}", task_pages.task_page),
    ("/runs/{run}/tasks/{number:int}/log", task_pages.task_log),
    ("/runs/{run}/tasks/{number:int}/reports/{path:path}", task_pages.task_report),
    ("/runs/{run}/tasks/{number:int}/files/{path:path}", task_pages.task_file),
    ("/schedules", schedule_pages.schedule_list),
    ("/services", service_pages.service_list),
    ("/services/{namespace}/{name}", service_pages.service_page),
    ("/pipelines", pipeline_pages.pipeline_list),
    ("/pipelines/{pipeline}", pipeline_pages.pipeline_page),
    ("/pipelines/{pipeline}/versions/{version}", pipeline_pages.pipeline_page),
)
_FORMS: tuple[tuple[str, Page], ...] = (
    ("/runs/{run}/terminate", run_pages.terminate),
    ("/schedules/{schedule}/enable", schedule_pages.enable),
    ("/schedules/{schedule}/disable", schedule_pages.disable),
)
_ASSETS = {"style.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}


def routes(
    database_path: str | Path, state: StateFolder, *, wake: Callable[[], None] = lambda: None, writable: bool = True
) -> list[Route]:
    """The status page, to be mounted at the root of the KFP API's process.

    Args:
        database_path: of the KFP API's sqlite file.
        state: the cluster's folder.
        wake: called after a run was asked to end or a schedule was switched.
        writable: whether the pages have buttons.
    """
    site = Site(ThreadConnections(database_path), state, wake, writable)
    return [
        *(Route(path, _page(page, site), methods=["GET"]) for path, page in _PAGES),
        *(Route(path, _form(action, site), methods=["POST"]) for path, action in _FORMS),
        Route("/assets/{name}", _page(_asset, site), methods=["GET"]),
    ]


def _page(page: Page, site: Site) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        return answer(page, request, site)

    return endpoint


def _form(action: Page, site: Site) -> Callable[[Request], object]:
    async def endpoint(request: Request) -> Response:
        return await form_answer(action, request, site)

    return endpoint


def _asset(request: Request, _: Site) -> Response:
    name = request.path_params["name"]
    if name not in _ASSETS:
        raise missing("such file")
    return FileResponse(ASSETS / name, media_type=_ASSETS[name])
