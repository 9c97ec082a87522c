"""Everything compiled once, by the command that users call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kfp_lifecycle.cli.compile import main

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("build")
    assert main(["--out", str(out)]) == 0
    return out


@pytest.fixture(scope="session")
def documents(build: Path) -> list[dict[str, Any]]:
    """The two documents of train_and_release: the pipeline, and what is particular to Kubernetes."""
    text = (build / "pipelines" / "train_and_release.yaml").read_text(encoding="utf-8")
    return list(yaml.load_all(text, Loader=LOADER))


@pytest.fixture(scope="session")
def ir(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return documents[0]


@pytest.fixture(scope="session")
def executors(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """What each step gets on Kubernetes, by executor label."""
    found: dict[str, Any] = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return found
