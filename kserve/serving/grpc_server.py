"""KServe's gRPC service at an address of our choice; KServe's own server listens on every interface."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from grpc import aio  # type: ignore[import-untyped]
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.server import GRPCServer
from kserve.protocol.grpc.servicer import InferenceServicer


def grpc_server(host: str, max_message_bytes: int) -> type[GRPCServer]:
    """The server class for KServe to start, bound to ``host`` and with a limit on messages received."""

    class BoundServer(GRPCServer):
        async def start(self, max_workers: int) -> None:
            self._server = aio.server(
                ThreadPoolExecutor(max_workers=max_workers),
                interceptors=(ExceptionToStatusInterceptor(),),
                options=[("grpc.max_receive_message_length", max_message_bytes)],
            )
            servicer = InferenceServicer(self._data_plane, self._model_repository_extension)
            grpc_predict_v2_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, self._server)
            address = f"[{host}]" if ":" in host else host
            self._server.add_insecure_port(f"{address}:{self._port}")
            await self._server.start()
            await self._server.wait_for_termination()

    return BoundServer
