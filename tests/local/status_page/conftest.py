"""Status pages over a database of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.local.status_page.site import Site

from kfp_lifecycle.local.state import StateFolder
from kfp_lifecycle.local.testing import local_cluster

__all__ = ["local_cluster"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site without a cluster, to be filled."""
    made = Site(StateFolder.at(tmp_path / "state"))
    yield made
    made.connection.close()


@pytest.fixture
def browser(site: Site) -> Iterator[httpx.Client]:
    """Asks for the pages of the site, without the powers of a real browser."""
    with site.served() as url, httpx.Client(base_url=url, timeout=10) as client:
        yield client
