"""The KFP API served on loopback, with its executor, until a signal ends it."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from kfp_lifecycle.local.kfp_api import experiments
from kfp_lifecycle.local.kfp_api.app import create_app
from kfp_lifecycle.local.kfp_api.database import FILE, connect, transaction
from kfp_lifecycle.local.kfp_api.execution import Executor
from kfp_lifecycle.local.ports import LOOPBACK, listening
from kfp_lifecycle.local.settings import ClusterSettings
from kfp_lifecycle.local.state import StateFolder
from kfp_lifecycle.local.status_page.routes import routes


def serve(state: StateFolder, settings: ClusterSettings, port: int, token_key: bytes | None) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        port: 0 takes a free one; the URL is printed on one line, all else goes to standard error.
        token_key: see :func:`kfp_lifecycle.local.kfp_api.app.create_app`.

    Raises:
        InputError: another process executes this folder's runs.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    database = state[FILE]
    connection = connect(database)
    if token_key is None:
        # As a single-user KFP has one from its start.
        with transaction(connection):
            experiments.default(connection, "")
    listener = listening(port)
    executor = Executor(database, state.path, settings)
    pages = routes(database, state, wake=executor.wake, writable=token_key is None)
    app = create_app(database, token_key=token_key, wake=executor.wake, pages=pages)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", server_header=False, timeout_graceful_shutdown=2
    )
    # uvicorn raises its signal again when it has ended; this way what follows it happens all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        # What ended with the process before this one is told as such before anybody can ask.
        executor.start()
        print(f"http://{LOOPBACK}:{listener.getsockname()[1]}", flush=True)
        _Server(config, executor.begin_no_more).run([listener])
    finally:
        # A second signal must not break off what follows, which takes a few seconds at most.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if not executor.close():
            # A thread that hangs in a write holds locks for which Python's own exit would wait without end.
            os._exit(1)
        connection.close()


class _Server(uvicorn.Server):
    """Says at once that a signal came; ``run`` returns only when the requests in progress have ended."""

    def __init__(self, config: uvicorn.Config, asked_to_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._asked_to_end = asked_to_end

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._asked_to_end()
        super().handle_exit(sig, frame)
