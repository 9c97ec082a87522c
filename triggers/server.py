"""The trigger server's process: a socket, and uvicorn on it."""

from __future__ import annotations

import logging
import socket

import uvicorn
from fastapi import FastAPI

from kfp_lifecycle.triggers.connections import PromptConnection

_CONNECTIONS = 256  # more are answered 503 at once
_IDLE = 15  # seconds
_STOP = 25  # seconds for what is under way; a pod is given 30


def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; port 0 takes a free one. The first line of output says where.

    Raises:
        OSError: the address cannot be had.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # The clients' logs of each request would bury what was started.
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    listening = socket.create_server(
        (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=1024
    )
    shown = f"[{host}]" if ":" in host else host
    print(f"listening on http://{shown}:{listening.getsockname()[1]}", flush=True)
    settings = uvicorn.Config(
        app,
        http=PromptConnection,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_STOP,
        h11_max_incomplete_event_size=16384,
    )
    with listening:
        uvicorn.Server(settings).run(sockets=[listening])
