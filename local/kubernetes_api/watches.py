"""Watches: the changes of a resource as a stream of JSON lines, woken by the store, never by a timer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response, StreamingResponse

from kfp_lifecycle.local.kubernetes_api import errors, rendering
from kfp_lifecycle.local.kubernetes_api.address import flag
from kfp_lifecycle.local.kubernetes_api.errors import Cause
from kfp_lifecycle.local.kubernetes_api.history import Change
from kfp_lifecycle.local.kubernetes_api.options import number
from kfp_lifecycle.local.kubernetes_api.reads import selection
from kfp_lifecycle.local.kubernetes_api.resources import Kind
from kfp_lifecycle.local.kubernetes_api.store import Store
from kfp_lifecycle.local.kubernetes_api.tables import partial, table

# Seconds: of a watch that names no timeout, between bookmarks, and of the last bookmark before the end.
DEFAULT_TIMEOUT = 3600
BOOKMARK_EVERY = 60.0
LAST_BOOKMARK = 2.0


@dataclass(frozen=True)
class Watch:
    """What is watched and from where.

    Attributes:
        initial: objects to send as ADDED first; None when the watch starts from a version.
        position: changes after this version are sent.
        announce_end: send a bookmark once the initial objects are through (sendInitialEvents).
    """

    kind: Kind
    namespace: str
    matches: Callable[[Mapping[str, Any]], bool]
    initial: tuple[Mapping[str, Any], ...]
    position: int
    timeout: float
    bookmarks: bool
    announce_end: bool
    form: rendering.Form


def watch(store: Store, kind: Kind, namespace: str, query: Mapping[str, str], form: rendering.Form) -> Response:
    """The stream that answers a watch.

    Raises:
        ApiError: 400, 422 or 500 for a query that does not parse.
    """
    matches = selection(kind, query)
    timeout = number(query, "timeoutSeconds") or DEFAULT_TIMEOUT
    text = query.get("resourceVersion", "")
    if text and not (text.isascii() and text.isdigit()):
        raise errors.ApiError(
            500, f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    announce = flag(query, "sendInitialEvents")
    if announce and query.get("resourceVersionMatch") != "NotOlderThan":
        raise errors.invalid_options(
            "ListOptions",
            Cause(
                "FieldValueForbidden",
                "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                "resourceVersionMatch",
            ),
        )
    version = int(text or 0)
    fresh = version == 0 or announce
    initial = tuple(obj for obj in store.scan(kind.qualified, namespace) if matches(obj)) if fresh else ()
    bookmarks = flag(query, "allowWatchBookmarks")
    asked = Watch(
        kind,
        namespace,
        matches,
        initial,
        store.version if fresh else version,
        float(timeout),
        bookmarks,
        announce and bookmarks,
        form,
    )
    return StreamingResponse(_lines(store, asked), media_type="application/json")


async def _lines(store: Store, asked: Watch) -> AsyncIterator[bytes]:
    """Events until the timeout, the end of the store or a version that is too old."""
    loop = asyncio.get_running_loop()
    end, position = loop.time() + asked.timeout, asked.position
    sent = position
    encode = _Encoder(asked)
    for obj in asked.initial:
        yield encode("ADDED", obj)
    if asked.announce_end:
        yield encode.bookmark(position, {"k8s.io/initial-events-end": "true"})
    next_bookmark = _next_bookmark(loop.time(), end)
    with store.history.waker() as wake:
        while not store.history.closed:
            wake.clear()
            if position < store.history.floor:
                yield encode.error(errors.expired(f"too old resource version: {position} ({store.history.floor})"))
                return
            for change in store.history.after(position):
                position = change.version
                for line in _selected(asked, change, encode):
                    sent = position
                    yield line
            now = loop.time()
            if asked.bookmarks and now >= next_bookmark:
                next_bookmark = _next_bookmark(now, end)
                if position > sent:
                    sent = position
                    yield encode.bookmark(position, {})
            if now >= end:
                return
            until = min(end, next_bookmark) if asked.bookmarks else end
            try:
                await asyncio.wait_for(wake.wait(), until - now)
            except TimeoutError:
                continue


def _next_bookmark(now: float, end: float) -> float:
    last = end - LAST_BOOKMARK
    return min(now + BOOKMARK_EVERY, last) if now < last else end + 1


def _selected(asked: Watch, change: Change, encode: _Encoder) -> Iterator[bytes]:
    """The event that a change is for this watch: an object may enter or leave what is selected."""
    if change.resource != asked.kind.qualified or (asked.namespace and change.namespace != asked.namespace):
        return
    was = change.before is not None and asked.matches(change.before)
    now = change.type != "DELETED" and asked.matches(change.after)
    if now:
        yield encode("MODIFIED" if was else "ADDED", change.after, change.text)
    elif was and change.before is not None:
        metadata = {**change.before["metadata"], "resourceVersion": str(change.version)}
        yield encode("DELETED", {**change.before, "metadata": metadata})


class _Encoder:
    """Events as lines, in the form that was asked for. Only the first table names its columns."""

    def __init__(self, asked: Watch) -> None:
        self._asked = asked
        self._tables = 0

    def __call__(self, kind: str, obj: Mapping[str, Any], text: str = "") -> bytes:
        if self._asked.form == "table":
            body = table(self._asked.kind, [obj], {"resourceVersion": obj["metadata"]["resourceVersion"]})
            if self._tables:
                body["columnDefinitions"] = None
            self._tables += 1
            return rendering.dumped({"type": kind, "object": body}) + b"\n"
        if self._asked.form == "partial":
            return rendering.dumped({"type": kind, "object": partial(obj)}) + b"\n"
        encoded = text.encode() if text else rendering.dumped(obj)
        return b'{"type":"' + kind.encode() + b'","object":' + encoded + b"}\n"

    def bookmark(self, version: int, annotations: Mapping[str, str]) -> bytes:
        metadata: dict[str, Any] = {"resourceVersion": str(version)}
        if annotations:
            metadata["annotations"] = dict(annotations)
        body = {"kind": self._asked.kind.kind, "apiVersion": self._asked.kind.api_version, "metadata": metadata}
        return rendering.dumped({"type": "BOOKMARK", "object": body}) + b"\n"

    def error(self, error: errors.ApiError) -> bytes:
        return rendering.dumped({"type": "ERROR", "object": error.status()}) + b"\n"
