"""KServe's model server with our application in front of its own.

Import this module only with a ``sys.argv`` that KServe can parse: it does so at import.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

import kserve.model_server
import uvicorn
from kserve.errors import InvalidInput
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.model_repository_extension import ModelRepositoryExtension
from kserve.protocol.rest.server import RESTServer

from kfp_lifecycle.serving.arguments import Arguments
from kfp_lifecycle.serving.exchange import Exchange
from kfp_lifecycle.serving.front import Front
from kfp_lifecycle.serving.grpc_server import grpc_server
from kfp_lifecycle.serving.kserve_model import ServedModel
from kfp_lifecycle.serving.metrics import InferenceMetrics
from kfp_lifecycle.serving.prediction_threads import PredictionThreads

# Of the 30 seconds that Kubernetes gives a pod after SIGTERM, those that the payload log may take for its last parts.
_LOG_SECONDS = 15.0

ExitHandler = Callable[[int, FrameType | None], None]


class FixedRepository(ModelRepositoryExtension):
    """A repository whose one model stays: gRPC has load and unload calls too."""

    async def load(self, model_name: str) -> None:
        raise InvalidInput("models are loaded by releases only, not over the network")

    async def unload(self, model_name: str) -> None:
        raise InvalidInput("models are unloaded by releases only, not over the network")


class ModelDataPlane(DataPlane):
    """A data plane that is ready when its model is; KServe's own is ready as soon as it listens."""

    async def ready(self) -> bool:
        models = self.model_registry.get_models()
        return bool(models) and all([await model.healthy() for model in models.values()])


def drained_exit(server: uvicorn.Server, model: ServedModel, seconds: float) -> ExitHandler:
    """A signal handler that gives the gateways time to stop sending before the server stops listening.

    A second signal ends the wait.
    """
    exit_now = server.handle_exit

    def handle(number: int, frame: FrameType | None) -> None:
        if not model.ready:
            exit_now(number, frame)
            return
        model.ready = False
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.call_later, seconds, exit_now, number, None)

    return handle


def rest_server(front: Any, model: ServedModel, arguments: Arguments) -> type[RESTServer]:
    """KServe's HTTP server, bound to our address and with ``front`` before its application."""

    class FrontedServer(RESTServer):
        def __init__(self, *positional: Any, **options: Any) -> None:
            super().__init__(*positional, **options)
            self.config.host = arguments.host
            self.config.app = front
            self.config.access_log = False
            self.config.server_header = False
            if arguments.drain_seconds:
                self._server.handle_exit = drained_exit(self._server, model, arguments.drain_seconds)

    return FrontedServer


def serve(arguments: Arguments, exchange: Exchange, threads: PredictionThreads) -> None:
    """Serve until SIGTERM; requests in flight are answered first."""
    metrics = InferenceMetrics(exchange.name, exchange.version, arguments.buckets)
    model = ServedModel(exchange, threads, metrics)
    front = Front(kserve.model_server.app, exchange, threads, metrics, arguments.max_body_bytes)
    kserve.model_server.RESTServer = rest_server(front, model, arguments)
    kserve.model_server.GRPCServer = grpc_server(arguments.host, arguments.max_body_bytes)
    server = kserve.model_server.ModelServer(
        http_port=arguments.http_port,
        grpc_port=arguments.grpc_port,
        workers=1,
        enable_grpc=arguments.grpc,
        enable_docs_url=False,
        enable_latency_logging=False,
    )
    server.model_repository_extension = FixedRepository(server.registered_models)
    server.dataplane = ModelDataPlane(server.registered_models)
    try:
        server.start([model])
    finally:
        if exchange.log is not None:
            # Requests are answered by now. A second signal must not cut the log short; SIGKILL ends it in any case.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            exchange.log.close(_LOG_SECONDS)
