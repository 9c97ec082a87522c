"""Logs of pods, handed through from whoever runs the processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from starlette.responses import Response, StreamingResponse

from kfp_lifecycle.local.kubernetes_api import errors
from kfp_lifecycle.local.kubernetes_api.address import flag
from kfp_lifecycle.local.kubernetes_api.options import number

# (namespace, pod, container, last lines or None for all, follow) -> chunks of the log
LogReader = Callable[[str, str, str, int | None, bool], AsyncIterator[bytes]]
_UNSERVED = ("previous", "sinceSeconds", "sinceTime", "timestamps", "stream")


def log(reader: LogReader | None, pod: Mapping[str, Any], query: Mapping[str, str]) -> Response:
    """The log of one container as plain text.

    Raises:
        ApiError: 400 when the container is not named although there are several, or does not exist;
            501 for options that are not served, or when nobody provides logs.
    """
    for option in _UNSERVED:
        if query.get(option) and (option not in ("previous", "timestamps") or flag(query, option)):
            raise errors.not_implemented(f"the log option {option}")
    if reader is None:
        raise errors.not_implemented("logs without a controller")
    metadata = pod["metadata"]
    container = _container(pod, query.get("container", ""))
    tail = number(query, "tailLines") if query.get("tailLines") else None
    chunks = reader(metadata["namespace"], metadata["name"], container, tail, flag(query, "follow"))
    limit = number(query, "limitBytes")
    return StreamingResponse(_limited(chunks, limit) if limit else chunks, media_type="text/plain")


def _container(pod: Mapping[str, Any], asked: str) -> str:
    spec = pod.get("spec") or {}
    own = [container["name"] for container in spec.get("containers") or []]
    names = own + [container["name"] for container in spec.get("initContainers") or []]
    name = pod["metadata"]["name"]
    if asked and asked not in names:
        raise errors.bad_request(f"container {asked} is not valid for pod {name}")
    # Init containers do not count: a pod with one container of its own means that one.
    if not asked and len(own) != 1:
        raise errors.bad_request(f"a container name must be specified for pod {name}, choose one of: {names}")
    return asked or str(own[0])


async def _limited(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk[:limit]
        limit -= len(chunk)
        if limit <= 0:
            return
