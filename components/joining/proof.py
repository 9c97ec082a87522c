"""The proof that predicted shards hold each row of a table once and in order."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.core import logged_rows as names
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.row_ranges import read_rows
from kfp_lifecycle.core.rows import row_hashes
from kfp_lifecycle.core.scoring_plan import ScoringPlan, part_name
from kfp_lifecycle.core.seals import is_sealed
from kfp_lifecycle.core.shards import Shard
from kfp_lifecycle.core.table import read_schema

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 1 << 16
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Part:
    """A shard's file, as the manifest names it."""

    name: str
    rows: int
    bytes: int
    sha256: str


def proven_rows(directory: str | Path, plan: ScoringPlan, place: str, parts: list[Part]) -> Iterator[pa.RecordBatch]:
    """Stream the predicted rows of all shards, each batch after it was compared with the table's own rows.

    At least one batch comes, even when there are no rows.

    Args:
        directory: the table.
        place: the folder of the shards.
        parts: gets each shard's file once it is read.

    Raises:
        InputError: a file is missing, was damaged, or holds other rows than the table, or not all.
    """
    for shard in plan.shards:
        uri = object_store.join(place, part_name(shard))
        with tempfile.TemporaryDirectory(prefix="join-") as folder:
            copy = Path(folder) / part_name(shard)
            digest = _fetch(uri, shard, copy)
            yield from _compared(directory, plan, shard, copy, object_store.public(uri))
            parts.append(Part(copy.name, shard.rows, copy.stat().st_size, digest))


def _fetch(uri: str, shard: Shard, copy: Path) -> str:
    """Copy a shard's file to disk; its sha256."""
    if not object_store.exists(uri, "output_uri"):
        raise InputError(
            "output_uri", object_store.public(uri), f"the file of rows {shard}", "Run again: it is predicted then."
        )
    digest = hashlib.sha256()
    with object_store.open_input(uri, "output_uri") as stream, copy.open("wb") as file:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _compared(
    directory: str | Path, plan: ScoringPlan, shard: Shard, copy: Path, shown: str
) -> Iterator[pa.RecordBatch]:
    columns = read_schema(directory).names
    given = _Rows(read_rows(directory, shard.start, shard.end))
    first = shard.start
    for batch in _read(copy, shard, {*columns, names.ROW, names.MODEL_VERSION, names.PREDICTION}, shown):
        if batch.num_rows:
            numbers = np.arange(first, first + batch.num_rows)
            if not np.array_equal(batch.column(names.ROW).to_numpy(zero_copy_only=False), numbers):
                raise _other_rows(shown, shard, "the rows' numbers are others")
            if batch.column(names.MODEL_VERSION).unique().to_pylist() != [plan.version]:
                raise _other_rows(shown, shard, f"rows were predicted by another version than {plan.version}")
            if not np.array_equal(row_hashes(batch, columns), row_hashes(given.take(batch.num_rows), columns)):
                raise _other_rows(shown, shard, "values differ from the table's")
            first += batch.num_rows
        yield batch


def _read(copy: Path, shard: Shard, needed: set[str], shown: str) -> Iterator[pa.RecordBatch]:
    """The batches of a shard's file as it was written; one without rows if it holds none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Before anything is read: what a model said of a row can be compared with nothing.
    if not is_sealed(copy):
        raise _other_rows(shown, shard, "it cannot be read: its bytes are not those that were written")
    try:
        with pq.ParquetFile(copy, memory_map=False, pre_buffer=False) as file:
            if not needed <= set(file.schema_arrow.names):
                raise _other_rows(shown, shard, "columns are missing")
            if file.metadata.num_rows != shard.rows:
                raise _other_rows(shown, shard, f"it holds {file.metadata.num_rows} rows")
            if not shard.rows:
                yield pa.RecordBatch.from_pylist([], file.schema_arrow)
            yield from file.iter_batches(_BATCH_ROWS, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise _other_rows(shown, shard, f"it cannot be read: {error}") from error


class _Rows:
    """A stream of batches, taken by number of rows."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._rest: list[pa.RecordBatch] = []

    def take(self, rows: int) -> pa.Table:
        """The next rows; fewer at the end."""
        import pyarrow as pa

        have = sum(batch.num_rows for batch in self._rest)
        while have < rows and (batch := next(self._batches, None)) is not None:
            self._rest.append(batch)
            have += batch.num_rows
        table = pa.Table.from_batches(self._rest)
        self._rest = table.slice(rows).to_batches()
        return table.slice(0, rows)


def _other_rows(shown: str, shard: Shard, why: str) -> InputError:
    return InputError(
        "output_uri",
        shown,
        f"the predicted rows {shard} of the table, but {why}",
        "Remove that file and run again: the other shards stay.",
    )
