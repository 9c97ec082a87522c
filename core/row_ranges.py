"""Rows of a table by their numbers, without reading those before them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kfp_lifecycle.core.table import part_files

if TYPE_CHECKING:
    import pyarrow as pa

# No more of a row group is in memory at a time.
_BATCH_ROWS = 1 << 16


def read_rows(directory: str | Path, start: int, end: int) -> Iterator[pa.RecordBatch]:
    """Stream the rows from number ``start`` (from 0) up to but not including ``end``, in order.

    Row groups that hold none of them are not read.

    Raises:
        InputError: the folder holds no whole table.
    """
    first = 0
    for part in part_files(directory):
        if first >= end:
            return
        first = yield from _rows_of_part(part, first, start, end)


def _rows_of_part(part: Path, first: int, start: int, end: int) -> Generator[pa.RecordBatch, None, int]:
    """The wanted rows of a part whose first row has this number; returns the number after its last row."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(part, memory_map=False, pre_buffer=False) as file:
        for group in range(file.metadata.num_row_groups):
            after = first + file.metadata.row_group(group).num_rows
            if first < end and after > start:
                for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], use_threads=False):
                    wanted = batch.slice(max(start - first, 0), max(end - max(first, start), 0))
                    if wanted.num_rows:
                        yield wanted
                    first += batch.num_rows
            first = after
    return first
