"""Parquet parts with fixed settings, cut at places that depend on the rows alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.core import seals
from kfp_lifecycle.core.columns import unknown_column

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS = 1 << 16
GROUP_BYTES = 32 << 20
PART_GROUPS = 16
# Rows are weighed in steps of this many; a group ends only at the end of a step.
_STEP_ROWS = 1 << 10
_CREATED_BY = b"kfp-lifecycle 1"
_PARQUET_END = b"PAR1"


class PartWriter:
    """Writes row groups into ``part-00000.parquet`` and on; at least one part, even without rows.

    Args:
        single: all groups go into one part, however many there are.
        sealed: each part holds a checksum of itself, for files that no table's digest covers.

    Attributes:
        rows: rows written so far.
        sizes: bytes by part name; complete after the ``with`` block.
    """

    def __init__(self, directory: Path, schema: pa.Schema, single: bool = False, sealed: bool = False) -> None:
        self.rows = 0
        self.sizes: dict[str, int] = {}
        self._directory = directory
        self._schema = schema
        self._digest = hashlib.sha256()
        self._single = single
        self._sealed = sealed
        self._groups = 0
        self._writer: Any = None

    def __enter__(self) -> PartWriter:
        self._open()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._writer.close()
        if kind is None:
            self._seal()

    @property
    def digest(self) -> str:
        """The sha256 over the bytes of all parts in order; complete after the ``with`` block."""
        return self._digest.hexdigest()

    def write(self, group: pa.Table) -> None:
        if self._groups == PART_GROUPS and not self._single:
            self._writer.close()
            self._seal()
            self._open()
        self._writer.write_table(group, row_group_size=group.num_rows)
        self._groups += 1
        self.rows += group.num_rows

    def _open(self) -> None:
        import pyarrow.parquet as pq

        self._groups = 0
        self._path = self._directory / f"part-{len(self.sizes):05d}.parquet"
        # Everything that shapes the bytes is said here, so that a new default of the library changes nothing. The
        # Arrow schema is left out: it repeats the columns and would carry pandas metadata along.
        self._writer = pq.ParquetWriter(
            self._path,
            self._schema,
            version="2.6",
            data_page_version="1.0",
            compression="zstd",
            compression_level=3,
            use_dictionary=True,
            dictionary_pagesize_limit=1 << 20,
            write_statistics=True,
            write_batch_size=_STEP_ROWS,
            data_page_size=1 << 20,
            store_schema=False,
            write_page_index=False,
            write_page_checksum=False,
        )

    def _seal(self) -> None:
        _stamp_creator(self._path, seals.CREATOR + seals.BLANK if self._sealed else _CREATED_BY)
        if self._sealed:
            seals.seal(self._path)
        with self._path.open("rb") as file:
            while chunk := file.read(1 << 20):
                self._digest.update(chunk)
        self.sizes[self._path.name] = self._path.stat().st_size


def row_groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Cut a stream into row groups of bounded rows and bytes, at places that do not depend on its batches."""
    import pyarrow as pa

    pending: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        conformed = _conform(batch, schema)
        start = 0
        while start < conformed.num_rows:
            piece = conformed.slice(start, _STEP_ROWS - rows % _STEP_ROWS)
            start += piece.num_rows
            pending.append(piece)
            rows += piece.num_rows
            size += _weight(piece)
            if rows % _STEP_ROWS == 0 and (rows >= GROUP_ROWS or size >= GROUP_BYTES):
                yield pa.Table.from_batches(pending, schema).combine_chunks()
                pending, rows, size = [], 0, 0
    if pending:
        yield pa.Table.from_batches(pending, schema).combine_chunks()


def _conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = []
    for field in schema:
        index = batch.schema.get_field_index(field.name)
        if index < 0:
            raise unknown_column("columns", field.name, batch.schema.names, "the batch")
        column = batch.column(index)
        arrays.append(column if column.type == field.type else column.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _weight(batch: pa.RecordBatch) -> int:
    """Bytes of the values; counted by value, because the size of a buffer depends on how the batch was sliced."""
    import pyarrow as pa
    import pyarrow.compute as pc

    total = 0
    for column in batch.columns:
        total += 8 * len(column)
        if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
            total += pc.sum(pc.binary_length(column)).as_py() or 0
    return total


def _stamp_creator(path: Path, creator: bytes) -> None:
    """Replace the writer's version in a Parquet footer, or every upgrade of the library would change every digest.

    The name stands in the footer as one length byte and the text; the footer's own length is the four bytes before
    the last four.
    """
    import pyarrow.parquet as pq

    created_by = pq.read_metadata(path).created_by.encode()
    with path.open("r+b") as file:
        file.seek(-8, 2)
        length = int.from_bytes(file.read(4), "little")
        start = file.seek(-8 - length, 2)
        footer = file.read(length)
        old = bytes([len(created_by)]) + created_by
        # Twice in the footer: a column or a statistic spells it too. The creator is the last but the sort orders.
        at = footer.rindex(old)
        footer = footer[:at] + bytes([len(creator)]) + creator + footer[at + len(old) :]
        file.seek(start)
        file.write(footer + len(footer).to_bytes(4, "little") + _PARQUET_END)
        file.truncate()
