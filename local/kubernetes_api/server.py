"""The app served over loopback by a thread of this process."""

from __future__ import annotations

import threading
from typing import Self

import uvicorn

from kfp_lifecycle.local.kubernetes_api.access import Access
from kfp_lifecycle.local.kubernetes_api.app import create_app
from kfp_lifecycle.local.kubernetes_api.certificates import Certificate
from kfp_lifecycle.local.kubernetes_api.logs import LogReader
from kfp_lifecycle.local.kubernetes_api.store import Store
from kfp_lifecycle.local.ports import LOOPBACK, listening


class Server:
    """Serves a store until `stop`; also a context manager.

    Args:
        store: closed by `stop`, which ends all watches.
        access: tokens and rules.
        port: 0 takes a free one.
        certificate: serve https with it; kubectl needs that to send its token.
        logs: see `create_app`.
    """

    def __init__(
        self,
        store: Store,
        access: Access,
        *,
        port: int = 0,
        certificate: Certificate | None = None,
        logs: LogReader | None = None,
    ) -> None:
        self._store = store
        # The socket listens before the thread starts, so a client that comes early waits instead of failing.
        self._socket = listening(port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"{'https' if certificate else 'http'}://{LOOPBACK}:{self.port}"
        config = uvicorn.Config(
            create_app(store, access, logs=logs),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
            server_header=False,
            ssl_certfile=certificate.certificate if certificate else None,
            ssl_keyfile=certificate.key if certificate else None,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="kubernetes-api")

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends watches, finishes the requests under way, closes the store. May be called twice."""
        self._store.history.close()
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
