"""The ASGI application in front of KServe's own.

Inference routes are answered here, without KServe's second decoding and its validation of whole tensors; health,
metadata and metrics stay KServe's. Nothing else that a client may POST gets through: loading and unloading
models over the network is blocked.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter, time
from typing import Any

from kfp_lifecycle.serving.exchange import Answer, Call, Exchange, Protocol
from kfp_lifecycle.serving.metrics import InferenceMetrics
from kfp_lifecycle.serving.prediction_threads import PredictionThreads
from kfp_lifecycle.serving.refusal import OVERLOADED, Refusal, shown
from kfp_lifecycle.serving.request_body import Receive, check_headers, discard_body, read_body
from kfp_lifecycle.serving.request_marks import REQUEST_ID_HEADER, marks_of, new_id

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_FORBIDDEN = 403
_NOT_FOUND = 404
_REPOSITORY = re.compile(r"/v2/repository/.*")
_OTHER_MODEL = re.compile(r"/v1/models/([^/]+):predict|/v2/models/([^/]+)(?:/versions/[^/]+)?/infer")


def _routes(name: str, version: str) -> dict[str, Protocol]:
    return {
        f"/v1/models/{name}:predict": Protocol.V1,
        f"/v2/models/{name}/infer": Protocol.V2,
        f"/v2/models/{name}/versions/{version}/infer": Protocol.V2,
    }


def refused_post(path: str) -> Refusal:
    """The answer to a POST that is not an inference request for the model served here."""
    if _REPOSITORY.fullmatch(path):
        return Refusal("models are loaded and unloaded by releases only, not over the network", _FORBIDDEN)
    if match := _OTHER_MODEL.fullmatch(path):
        name = match[1] or match[2]
        return Refusal(f"Model with name {shown(name)}, or that version of it, does not exist.", _NOT_FOUND)
    return Refusal(f"{shown(path)} takes no POST", _NOT_FOUND)


class Front:
    """Routes a request to the model's threads or to KServe.

    Args:
        kserve: KServe's application.
        exchange, threads, metrics: of the model served here.
        max_body_bytes: larger bodies get 413.
    """

    def __init__(
        self,
        kserve: Application,
        exchange: Exchange,
        threads: PredictionThreads,
        metrics: InferenceMetrics,
        max_body_bytes: int,
    ) -> None:
        self._kserve = kserve
        self._exchange = exchange
        self._threads = threads
        self._metrics = metrics
        self._limit = max_body_bytes
        self._protocols = _routes(exchange.name, exchange.version)
        self._version_header = (b"x-model-version", exchange.version.encode("latin-1", "replace"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._kserve(scope, receive, send)
        elif scope["method"] != "POST":
            await self._kserve(scope, receive, self._versioned(send))
        elif (protocol := self._protocols.get(scope["path"])) is not None:
            await self._infer(protocol, scope, receive, send)
        else:
            refusal = refused_post(scope["path"])
            await self._send(send, self._exchange.error(refusal.status, refusal.message), unread=receive)

    async def _infer(self, protocol: Protocol, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        unread: Receive | None = receive
        marks = marks_of(scope["headers"], time())
        try:
            check_headers(scope["headers"], self._limit)
            body = await read_body(receive, self._limit)
            if body is None:
                return
            unread = None
            answer = await self._threads.submit(Call(protocol, body, marks))
        except Refusal as refusal:
            answer = self._exchange.error(refusal.status, refusal.message)
        self._metrics.count(answer.status, perf_counter() - started)
        if not answer.request_id and self._exchange.log is not None:
            self._exchange.log.ignore()
        await self._send(send, answer, unread, answer.request_id or marks.request_id or new_id())

    async def _send(self, send: Send, answer: Answer, unread: Receive | None = None, request_id: str = "") -> None:
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(answer.body)).encode()),
            self._version_header,
        ]
        if request_id:
            headers.append((REQUEST_ID_HEADER, request_id.encode("ascii")))
        if unread is not None:
            headers.append((b"connection", b"close"))
        if answer.status == OVERLOADED:
            headers.append((b"retry-after", b"1"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if unread is None:
            await send({"type": "http.response.body", "body": answer.body})
            return
        # Closing a connection with unread data resets it, and the client may lose the answer: answer, read, close.
        await send({"type": "http.response.body", "body": answer.body, "more_body": True})
        await discard_body(unread)
        await send({"type": "http.response.body", "body": b""})

    def _versioned(self, send: Send) -> Send:
        async def with_version(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), self._version_header]}
            await send(message)

        return with_version
