"""A Kubernetes API, and a KFP API that fails when told, for the adapters that talk to both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from tests.adapters.stand_in_kfp import StandInKfp

from kfp_lifecycle.local.kubernetes_api import Access, Server, Store, rules_from

ROLE = Path(__file__).parents[2] / "kserve" / "manifests" / "role.yaml"
STEPS = "system:serviceaccount:team:default-editor"


@contextmanager
def kubernetes_server(folder: Path) -> Iterator[Server]:
    """An API with the namespace ``team`` for an administrator (token ``admin``) and the steps (token ``steps``)."""
    from kubernetes import client

    access = Access(b"x" * 32)
    access.add_admin("admin")
    access.add_token("steps", STEPS)
    access.bind(STEPS, rules_from(yaml.safe_load_all(ROLE.read_text(encoding="utf-8"))), "team")
    with Server(Store(folder / "kubernetes.sqlite"), access) as server:
        configuration = client.Configuration(host=server.url, api_key={"authorization": "Bearer admin"})
        client.CoreV1Api(client.ApiClient(configuration)).create_namespace({"metadata": {"name": "team"}})
        yield server


@pytest.fixture
def kubernetes(tmp_path: Path) -> Iterator[Server]:
    with kubernetes_server(tmp_path) as server:
        yield server


def write_kubeconfig(path: Path, url: str, token: str = "admin") -> str:
    """A kubeconfig for the namespace ``team``."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "team"}}],
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


@pytest.fixture
def kubeconfig(kubernetes: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An administrator's kubeconfig, which this process uses."""
    path = write_kubeconfig(tmp_path / "kubeconfig", kubernetes.url)
    monkeypatch.setenv("KUBECONFIG", path)
    return path


@pytest.fixture
def stand_in_kfp() -> Iterator[StandInKfp]:
    made = StandInKfp()
    yield made
    made.close()
