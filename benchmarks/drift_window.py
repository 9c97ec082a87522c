"""A window read from Parquet and monitored by the native engine, in a process of its own; started by ``drift.py``.

python drift_window.py make FOLDER ROWS FEATURES SEED     writes a table
python drift_window.py drift REFERENCE CACHE WINDOW       prints one line of JSON: CPU seconds, largest memory
"""

from __future__ import annotations

import functools
import json
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from kfp_lifecycle.components.monitoring.engines.drift import drift_of
from kfp_lifecycle.components.monitoring.engines.engine import engine_named
from kfp_lifecycle.components.monitoring.engines.exact_reference import table_reference
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan
from kfp_lifecycle.components.monitoring.engines.window_rows import WindowRows
from kfp_lifecycle.core.signature import ColumnType
from kfp_lifecycle.core.table import read_batches, read_info, read_schema, write_table
from kfp_lifecycle.core.window import Window

WINDOW = Window(datetime(2013, 3, 4, tzinfo=UTC), datetime(2013, 3, 11, tzinfo=UTC))
BATCH = 1 << 16
CATEGORIES = [f"category {number}" for number in range(26)]


def make(folder: str, rows: str, features: str, seed: str) -> None:
    """A table of numbers, every tenth column one of 26 categories, with one value in a thousand missing."""
    generator = np.random.default_rng(int(seed))
    names = [f"f{number}" for number in range(int(features))]
    kinds = [pa.string() if number % 10 == 9 else pa.float64() for number in range(int(features))]
    schema = pa.schema(list(zip(names, kinds, strict=True)))

    def batches() -> Iterator[pa.RecordBatch]:
        left = int(rows)
        while left > 0:
            count = min(BATCH, left)
            columns = [
                pa.array(
                    generator.choice(CATEGORIES, count) if kind == pa.string() else generator.normal(size=count),
                    kind,
                    mask=generator.random(count) < 0.001,
                )
                for kind in kinds
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
            left -= count

    write_table(batches(), schema, folder)


def largest_memory() -> int:
    """Bytes that this process held at most, without what its parent held."""
    status = Path("/proc/self/status")
    if status.is_file():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def drift(reference: str, cache: str, window: str) -> None:
    """Monitor the whole window against every value of the reference."""
    schema = read_schema(window)
    types: dict[str, ColumnType] = {
        field.name: "category" if field.type == pa.string() else "number" for field in schema
    }
    began = time.process_time()
    base = table_reference(reference, types, cache)
    ready = time.process_time()
    rows = WindowRows(WINDOW, read_info(window).rows, schema, functools.partial(read_batches, window))
    found = drift_of(rows, base, DriftPlan(types), engine_named("native"))
    assert all(column.p_value is not None for column in found.columns)
    print(
        json.dumps(
            {
                "rows": found.rows,
                "features": len(found.columns),
                "reference_seconds": ready - began,
                "seconds": time.process_time() - ready,
                "memory": largest_memory(),
                "drifted": sum(column.drifted for column in found.columns),
            }
        )
    )


if __name__ == "__main__":
    {"make": make, "drift": drift}[sys.argv[1]](*sys.argv[2:])
