"""An empty KFP API, which the commands reach by their environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.local.kfp_api.serving import serving


@pytest.fixture
def kfp_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serving(tmp_path / "kfp.sqlite") as url:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", url)
        yield url
