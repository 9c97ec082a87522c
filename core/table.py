"""Tables between steps: a folder of Parquet parts that is written once, always with the same bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.core.checksums import canonical_json
from kfp_lifecycle.core.columns import schema_digest, stored_schema, unknown_column
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.parts import PartWriter, row_groups

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SCHEMA = "schema.json"
# To change the format: raise this number and keep a reader of the old one in _describe, and a test of both.
FORMAT = 1
_READ_ROWS = 1 << 16


@dataclass(frozen=True)
class TableInfo:
    """What later steps need to know of a table without opening it.

    Attributes:
        rows: number of rows.
        digest: sha256 over the bytes of the part files in order.
        schema_digest: sha256 over column names and types in order.
        window: the window of event time it was cut to, ``start/end`` in UTC; empty when it was not cut.
        source: where it came from.
    """

    rows: int
    digest: str
    schema_digest: str
    window: str = ""
    source: str = ""

    def to_metadata(self) -> dict[str, Any]:
        """The metadata of a KFP Dataset artifact."""
        return {
            "rows": self.rows,
            "digest": self.digest,
            "schema_digest": self.schema_digest,
            "window": self.window,
            "source": self.source,
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> TableInfo:
        """Read the metadata of a Dataset artifact; KFP may have turned the row count into a float."""
        return cls(
            rows=int(metadata["rows"]),
            digest=str(metadata["digest"]),
            schema_digest=str(metadata["schema_digest"]),
            window=str(metadata.get("window", "")),
            source=str(metadata.get("source", "")),
        )


def write_table(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    directory: str | Path,
    *,
    window: str = "",
    source: str = "",
) -> TableInfo:
    """Stream batches into a new table; memory holds one row group, at most about 32 MiB of values.

    Equal rows in equal order give equal bytes, however they were cut into batches. The table appears under its name
    only when it is whole: it is written beside ``directory`` and renamed, and ``schema.json`` is its last file. A
    table that was there before is replaced.

    Args:
        batches: record batches that hold at least the columns of ``schema``, by name.
        schema: names, order and types of the columns to write; stored as ``columns.stored_schema`` says.
        directory: the folder to make.
        window: the window of event time the rows were cut to.
        source: where the rows came from; credentials in a URI are the caller's to leave out.

    Raises:
        InputError: a column cannot be stored, or a batch lacks a column.
        FileExistsError: the folder holds something that is not a table.
    """
    directory = Path(directory)
    _require_replaceable(directory)
    schema = stored_schema(schema)
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = directory.with_name(f".{directory.name}.{uuid.uuid4().hex}.partial")
    partial.mkdir()
    try:
        with PartWriter(partial, schema) as parts:
            for group in row_groups(batches, schema):
                parts.write(group)
        info = TableInfo(parts.rows, parts.digest, schema_digest(schema), window, source)
        content = {
            "format": FORMAT,
            "columns": [{"name": field.name, "type": str(field.type)} for field in schema],
            "parts": parts.sizes,
            **info.to_metadata(),
        }
        (partial / SCHEMA).write_bytes(canonical_json(content))
        _replace(partial, directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return info


def read_info(directory: str | Path) -> TableInfo:
    """What ``write_table`` returned when it wrote this table."""
    return TableInfo.from_metadata(_describe(Path(directory)))


def read_schema(directory: str | Path) -> pa.Schema:
    """Column names and stored types in order."""
    import pyarrow.parquet as pq

    return pq.read_schema(part_files(directory)[0])


def read_batches(directory: str | Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Stream the rows in the order in which they were written, with only the named columns in the order named.

    Raises:
        InputError: the folder holds no whole table, or the table lacks a column.
    """
    import pyarrow.parquet as pq

    parts = part_files(directory)
    if columns is not None:
        known = pq.read_schema(parts[0]).names
        for name in columns:
            if name not in known:
                raise unknown_column("columns", name, known, "the table")
        columns = list(columns)
    return (batch for part in parts for batch in _read_part(part, columns))


def read_frame(directory: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The whole table in memory; integers with nulls become floats, dates become times at midnight."""
    import pyarrow as pa

    schema = read_schema(directory)
    batches = read_batches(directory, columns)
    if columns is not None:
        schema = pa.schema([schema.field(name) for name in columns])
    frame: pd.DataFrame = pa.Table.from_batches(batches, schema).to_pandas(date_as_object=False)
    return frame


def write_frame(frame: pd.DataFrame, directory: str | Path, *, window: str = "", source: str = "") -> TableInfo:
    """Write a whole table from memory, for steps of a user's own; the index is left out."""
    import pyarrow as pa

    content = pa.Table.from_pandas(frame, preserve_index=False)
    # What pandas wants to find again is of no use to a table, and would change its bytes with pandas' version.
    schema = content.schema.remove_metadata()
    return write_table(content.to_batches(), schema, directory, window=window, source=source)


def table_digest(directory: str | Path) -> str:
    """Read every part and return its digest anew, to compare with the recorded one."""
    digest = hashlib.sha256()
    for part in part_files(directory):
        with part.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def part_files(directory: str | Path) -> list[Path]:
    """The part files in order, after checking that each is there in full length.

    Raises:
        InputError: the folder holds no whole table.
    """
    directory = Path(directory)
    paths = []
    for name, size in sorted(_describe(directory)["parts"].items()):
        path = directory / name
        found = path.stat().st_size if path.is_file() else 0
        if found != size:
            raise InputError(
                "table", str(path), f"{size} bytes, found {found}", "The copy is not whole: run the step again."
            )
        paths.append(path)
    return paths


def _read_part(part: Path, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    # Without memory mapping and read-ahead one row group at a time is in memory.
    with pq.ParquetFile(part, memory_map=False, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=_READ_ROWS, columns=columns, use_threads=False):
            yield batch.select(columns) if columns is not None else batch


def _describe(directory: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((directory / SCHEMA).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            "table", str(directory), f"a folder with {SCHEMA} and Parquet parts", "Run the step that writes it again."
        ) from None
    if content.get("format") != FORMAT:
        raise InputError("table", str(directory), f"table format {FORMAT}", "Write it with this version.")
    return content


def _require_replaceable(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise FileExistsError(f"{directory} is a file: expected a folder to write a table to")
    foreign = [path.name for path in directory.glob("*") if path.name != SCHEMA and path.suffix != ".parquet"]
    if foreign:
        raise FileExistsError(f"{directory} holds {min(foreign)!r}, which is no part of a table: expected a new folder")


def _replace(partial: Path, directory: Path) -> None:
    # The description goes first: from here to the rename nothing under this name reads as whole.
    (directory / SCHEMA).unlink(missing_ok=True)
    shutil.rmtree(directory, ignore_errors=True)
    partial.rename(directory)
