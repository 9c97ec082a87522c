"""A server for each test, and the official client for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from kfp_lifecycle.local.kubernetes_api import Access, Server, Store

ADMIN = "admin-token"


@pytest.fixture
def access() -> Access:
    access = Access()
    access.add_admin(ADMIN)
    return access


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "kubernetes.sqlite")


@pytest.fixture
def server(store: Store, access: Access) -> Iterator[Server]:
    """A server with the namespace `team`."""
    with Server(store, access) as running:
        client.CoreV1Api(_client(running.url, ADMIN)).create_namespace({"metadata": {"name": "team"}})
        yield running


def _client(url: str, token: str) -> client.ApiClient:
    configuration = client.Configuration(host=url, api_key={"authorization": f"Bearer {token}"})
    configuration.retries = 0
    return client.ApiClient(configuration)


@pytest.fixture
def connect(server: Server) -> Iterator[Callable[..., client.ApiClient]]:
    """Makes an official client for a token (the admin's by default)."""
    made: list[client.ApiClient] = []

    def connected(token: str = ADMIN) -> client.ApiClient:
        made.append(_client(server.url, token))
        return made[-1]

    yield connected
    for one in made:
        one.close()


@pytest.fixture
def custom(connect: Callable[..., client.ApiClient]) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(connect())


@pytest.fixture
def core(connect: Callable[..., client.ApiClient]) -> client.CoreV1Api:
    return client.CoreV1Api(connect())


@pytest.fixture
def service() -> dict[str, Any]:
    """An InferenceService to create."""
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "flights", "namespace": "team"},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://m/v1"}}},
    }
