"""The ASGI app of the KFP API: which function answers, and in what thread."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from kfp_lifecycle.local.kfp_api import (
    access,
    errors,
    experiment_routes,
    guard,
    pipeline_routes,
    recurring_run_routes,
    run_routes,
    version_routes,
)
from kfp_lifecycle.local.kfp_api.calls import Answer, Call
from kfp_lifecycle.local.kfp_api.database import ThreadConnections
from kfp_lifecycle.local.kfp_api.errors import ApiError

VERSION = "/apis/v2beta1"
# A client's base URL may end in /pipeline, as behind Kubeflow's gateway.
_PREFIXES = ("", "/pipeline")
# As KFP's API server answers; the version is the one whose API this is.
_HEALTH = {"commit_sha": "unknown", "tag_name": "2.17.0+kfp-lifecycle", "pipeline_store": "database"}
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_UPLOADS: dict[str, Answer] = {
    "/pipelines/upload": pipeline_routes.upload,
    "/pipelines/upload_version": version_routes.upload,
}
_ANSWERS: tuple[tuple[str, str, Answer], ...] = (
    ("POST", "/pipelines", pipeline_routes.create),
    ("GET", "/pipelines", pipeline_routes.listing),
    ("POST", "/pipelines/create", pipeline_routes.create_with_version),
    ("GET", "/pipelines/names/{name}", pipeline_routes.get_by_name),
    ("GET", "/pipelines/{pipeline_id}", pipeline_routes.get),
    ("DELETE", "/pipelines/{pipeline_id}", pipeline_routes.delete),
    ("POST", "/pipelines/{pipeline_id}/versions", version_routes.create),
    ("GET", "/pipelines/{pipeline_id}/versions", version_routes.listing),
    ("GET", "/pipelines/{pipeline_id}/versions/{version_id}", version_routes.get),
    ("DELETE", "/pipelines/{pipeline_id}/versions/{version_id}", version_routes.delete),
    ("POST", "/experiments", experiment_routes.create),
    ("GET", "/experiments", experiment_routes.listing),
    ("POST", "/experiments/{experiment_id}:archive", experiment_routes.archive),
    ("POST", "/experiments/{experiment_id}:unarchive", experiment_routes.unarchive),
    ("GET", "/experiments/{experiment_id}", experiment_routes.get),
    ("DELETE", "/experiments/{experiment_id}", experiment_routes.delete),
    ("POST", "/runs", run_routes.create),
    ("GET", "/runs", run_routes.listing),
    ("POST", "/runs/{run_id}:terminate", run_routes.terminate),
    ("POST", "/runs/{run_id}:archive", run_routes.archive),
    ("POST", "/runs/{run_id}:unarchive", run_routes.unarchive),
    ("POST", "/runs/{run_id}:retry", run_routes.retry),
    ("GET", "/runs/{run_id}", run_routes.get),
    ("DELETE", "/runs/{run_id}", run_routes.delete),
    ("POST", "/recurringruns", recurring_run_routes.create),
    ("GET", "/recurringruns", recurring_run_routes.listing),
    ("POST", "/recurringruns/{recurring_run_id}:enable", recurring_run_routes.enable),
    ("POST", "/recurringruns/{recurring_run_id}:disable", recurring_run_routes.disable),
    ("GET", "/recurringruns/{recurring_run_id}", recurring_run_routes.get),
    ("DELETE", "/recurringruns/{recurring_run_id}", recurring_run_routes.delete),
)


def create_app(
    database: Path,
    *,
    token_key: bytes | None = None,
    wake: Callable[[], None] = lambda: None,
    pages: Sequence[BaseRoute] = (),
) -> Starlette:
    """The KFP API over a database.

    Args:
        token_key: of the local Kubernetes API; with it every request needs a token, and KFP is multi-user.
        wake: called after a change that the executor should see.
        pages: routes of the status page.
    """
    connections = ThreadConnections(database)

    def served(answer: Answer, *, upload: bool = False) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            caller = access.caller(request.headers, token_key)
            raw, file = await guard.bounded_body(request), ""
            if upload:
                raw, file = await _uploaded(request, raw)

            def work() -> Response:
                ids, query = request.path_params, dict(request.query_params)
                # A list is megabytes of JSON: it is written here, not where all requests pass.
                return JSONResponse(answer(Call(connections.connection, caller, ids, query, raw, file, wake)))

            return await run_in_threadpool(work)

        return refusing(endpoint)

    async def healthz(_: Request) -> Response:
        return JSONResponse({**_HEALTH, "multi_user": token_key is not None})

    async def unserved(request: Request) -> Response:
        raise errors.unimplemented(f"{request.method} {request.url.path[:200]}")

    # Other methods of these paths, too, fall through to the last route.
    last = Route("/{path:path}", refusing(unserved), methods=_METHODS)
    routes = [
        Route("/healthz", refusing(healthz), methods=["GET"]),
        *(Route(path, served(answer, upload=True), methods=["POST"]) for path, answer in _UPLOADS.items()),
        *(Route(path, served(answer), methods=[method]) for method, path, answer in _ANSWERS),
        last,
    ]
    mounts = [Mount(f"{prefix}{VERSION}", routes=routes) for prefix in _PREFIXES]
    mounts += [Mount(f"{prefix}/apis", routes=[last]) for prefix in _PREFIXES]
    return Starlette(
        routes=[*mounts, *pages], middleware=[Middleware(guard.guarded)], exception_handlers={Exception: _failed}
    )


def refusing(endpoint: Callable[[Request], Any]) -> Callable[[Request], Any]:
    """The endpoint, with its refusals as google.rpc.Status."""

    async def told(request: Request) -> Response:
        try:
            answer: Response = await endpoint(request)
            return answer
        except ApiError as error:
            return JSONResponse(error.body(), error.status, error.headers)

    return told


def _failed(request: Request, _: Exception) -> Response:
    """Called where nobody foresaw the error; uvicorn writes it to the log."""
    error = errors.internal()
    return JSONResponse(error.body(), error.status)


async def _uploaded(request: Request, raw: bytes) -> tuple[bytes, str]:
    """Content and name of the file in a multipart body."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield raw

    try:
        form = await MultiPartParser(request.headers, stream(), max_files=4, max_fields=20).parse()
    except (MultiPartException, KeyError, UnicodeError) as error:
        raise errors.invalid(f"the body is no multipart form: {error}") from error
    file = form.get("uploadfile")
    if file is None or isinstance(file, str):
        raise errors.invalid("the form has no file named uploadfile")
    return await file.read(), file.filename or ""
