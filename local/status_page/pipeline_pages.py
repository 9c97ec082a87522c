"""The pages of pipelines and their versions."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from kfp_lifecycle.local.kfp_api import pipelines
from kfp_lifecycle.local.status_page import queries
from kfp_lifecycle.local.status_page.drawing import draw
from kfp_lifecycle.local.status_page.graph import GraphError
from kfp_lifecycle.local.status_page.site import Site, missing, render


def pipeline_list(request: Request, site: Site) -> Response:
    """All pipelines."""
    return render(request, site, "pipelines.html", lines=queries.pipeline_lines(site.connections.connection))


def pipeline_page(request: Request, site: Site) -> Response:
    """One pipeline: its versions, and the task graph of one of them, by default the newest."""
    connection = site.connections.connection
    pipeline = pipelines.get(connection, request.path_params["pipeline"])
    if pipeline is None:
        raise missing("such pipeline")
    versions = queries.version_lines(connection, pipeline.id)
    asked = request.path_params.get("version") or (versions[0].id if versions else "")
    version = pipelines.get_version(connection, asked) if asked else None
    if asked and (version is None or version.pipeline_id != pipeline.id):
        raise missing("such version of this pipeline")
    drawing, undrawn = None, ""
    try:
        if version is not None and version.documents:
            drawing = draw(version.documents[0], None, finished=False, now=time.time())
    except GraphError as error:
        undrawn = str(error)
    lines, _ = queries.run_lines(connection, {"pipeline_id": pipeline.id}, size=5)
    return render(
        request,
        site,
        "pipeline.html",
        pipeline=pipeline,
        versions=versions,
        version=version,
        inputs=_inputs(version.documents[0]) if version is not None and version.documents else {},
        drawing=drawing,
        undrawn=undrawn,
        lines=lines,
    )


def _inputs(document: object) -> dict[str, dict[str, object]]:
    """The parameters of a package by name; none where it is malformed."""
    found: object = document
    for key in ("root", "inputDefinitions", "parameters"):
        found = found.get(key) if isinstance(found, dict) else None
    return (
        {str(name): value for name, value in found.items() if isinstance(value, dict)}
        if isinstance(found, dict)
        else {}
    )
