"""An API in a thread and compiled pipelines for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import kfp
import pytest
from kfp import compiler
from tests.local.kfp_api.greetings import greeting, secret_greeting
from tests.local.kfp_api.serving import client, serving

from kfp_lifecycle.local.testing import local_cluster

__all__ = ["local_cluster"]


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled pipeline; ``name`` is its one required parameter."""
    path = tmp_path_factory.mktemp("packages") / "greet.yaml"
    compiler.Compiler().compile(greeting, str(path))
    return path


@pytest.fixture(scope="session")
def platform_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled pipeline of two YAML documents."""
    path = tmp_path_factory.mktemp("packages") / "secret.yaml"
    compiler.Compiler().compile(secret_greeting, str(path))
    return path


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """An empty API."""
    with serving(tmp_path / "kfp.sqlite") as address:
        yield address


@pytest.fixture
def api(url: str) -> kfp.Client:
    """The official client of the empty API."""
    return client(url)
