"""Tables and artifacts for tests of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kfp_lifecycle.core.table import write_table


@dataclass
class Stored:
    """What a step sees of a KFP artifact."""

    path: str
    uri: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def make_people(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Mixed columns with missing values; ``late`` follows from two of them, ``minutes`` is its number."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "id": [f"id{seed}-{row}" for row in range(rows)],
            "at": pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(np.sort(random.uniform(0, 70, rows)), "D"),
            "age": random.normal(40, 9, rows).round(1),
            "children": random.integers(0, 5, rows),
            "member": random.random(rows) < 0.5,
            "city": random.choice(["Bern", "Köln", "Oslo"], rows),
        }
    )
    score = frame["age"] / 9 + 2 * (frame["city"] == "Oslo") + random.normal(0, 0.7, rows)
    frame["minutes"] = score.round(3)
    frame["late"] = score > score.median()
    frame.loc[::9, "age"] = np.nan
    frame["city"] = frame["city"].where(np.arange(rows) % 11 > 0, None)
    return frame


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[pd.DataFrame], Stored]:
    """Store a frame as a table."""

    def store(frame: pd.DataFrame) -> Stored:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        path = tmp_path / f"table-{len(list(tmp_path.iterdir()))}"
        info = write_table(table.to_batches(), table.schema, path, source="memory")
        return Stored(str(path), metadata=info.to_metadata())

    return store


@pytest.fixture
def people() -> Callable[..., pd.DataFrame]:
    """``make_people``."""
    return make_people


@pytest.fixture
def artifact() -> type[Stored]:
    """An output artifact."""
    return Stored
