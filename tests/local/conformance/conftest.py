"""The server that the recordings are played against."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kfp_lifecycle.local.kubernetes_api import Access, Server, Store


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A fresh server in which the token `conformance` may do everything."""
    access = Access()
    access.add_admin("conformance")
    with Server(Store(tmp_path / "kubernetes.sqlite"), access) as server:
        yield server.port
