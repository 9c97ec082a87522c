"""A KFP API in a thread: no executor, so that runs stay as they are made."""

from __future__ import annotations

import json
import socket
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kfp
import pytest
import uvicorn
from kfp_server_api import ApiException
from starlette.routing import BaseRoute

from kfp_lifecycle.local.kfp_api import experiments
from kfp_lifecycle.local.kfp_api.app import create_app
from kfp_lifecycle.local.kfp_api.database import connect, transaction


@contextmanager
def serving(database: Path, token_key: bytes | None = None, pages: Sequence[BaseRoute] = ()) -> Iterator[str]:
    """The URL of an API over this database."""
    connection = connect(database)
    if token_key is None:
        with transaction(connection):
            experiments.default(connection, "")
    connection.close()
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(database, token_key=token_key, pages=pages), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def client(url: str, **options: Any) -> kfp.Client:
    """The official client."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kfp.Client(url, **options)


@contextmanager
def refused(status: int, text: str) -> Iterator[None]:
    """Expects this HTTP status with a google.rpc.Status whose message holds the text."""
    with pytest.raises(ApiException) as raised:
        yield
    body = json.loads(raised.value.body)
    assert raised.value.status == status
    assert text in body["message"]
    assert set(body) == {"code", "message", "details"}


def matching(key: str, operation: str | int, **value: Any) -> str:
    """A filter of one predicate."""
    return json.dumps({"predicates": [{"operation": operation, "key": key, **value}]})
