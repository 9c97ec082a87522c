"""The payload log as its readers see it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def logged(root: Path) -> list[dict[str, Any]]:
    """Every row in the parts below the root, whatever their names; readers pass hidden files by."""
    parts = [path for path in sorted(root.rglob("*.parquet")) if not path.name.startswith(".")]
    # Not by folder names: a model may have a feature that is called hour.
    return pa.concat_tables([pq.ParquetFile(part).read() for part in parts]).to_pylist() if parts else []


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
