"""The step ``collect``: one table from files."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.components.collection.rows import Part, Selection, read_types, select_rows
from kfp_lifecycle.components.collection.schemas import missing, unify
from kfp_lifecycle.components.collection.sources import Source, fetched, find_sources, partition_columns
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.table import write_table
from kfp_lifecycle.core.window import Window, format_time, parse_window, resolve_as_of

_log = logging.getLogger(__name__)


@step_entry
def collect(
    uri: str,
    table: Artifact,
    columns: Sequence[str] = (),
    time_column: str = "",
    window: str = "",
    as_of: str = "",
    max_rows: int = 0,
    format: str = "auto",
) -> tuple[int, str, str]:
    """Read files into one table, in order of file name and then of row; memory does not grow with the data.

    Args:
        uri: a file, a folder or a pattern on disk, s3 or gs, or one https file; Parquet, CSV or JSON lines, of which
            the last two may be compressed (.gz). Folders like ``week=01`` give columns.
        table: where the table goes.
        columns: the columns to keep, in this order; empty keeps all.
        time_column: the column of event time; times without a zone are UTC.
        window: the half-open window of event time to keep, as ``core.window.parse_window`` reads it; empty keeps all.
            Rows without a time lie in no window.
        as_of: the instant the run stands for; empty, or a schedule macro left unexpanded, means now.
        max_rows: stop after this many rows; 0 keeps all.
        format: parquet, csv, jsonl, or auto to go by the names.

    Returns:
        Number of rows, digest of the table, and ``as_of`` resolved, ISO 8601 in UTC.

    Raises:
        InputError: names the parameter; nothing was written.
    """
    if max_rows < 0:
        raise InputError("max_rows", max_rows, "0 or more", "Leave it at 0 to keep all rows.")
    if window.strip() and not time_column:
        raise InputError("time_column", "", "a column when a window is given", "Name the column of event time.")
    instant = resolve_as_of(as_of, datetime.now(UTC))
    chosen = parse_window(window, instant)
    with tempfile.TemporaryDirectory(prefix="collect-") as scratch:
        parts = _parts(find_sources(uri, format), Path(scratch))
        selection = _selection(parts, list(columns), time_column, chosen, max_rows)
        info = write_table(
            select_rows(parts, selection),
            selection.schema,
            table.path,
            window=str(chosen) if chosen else "",
            source=object_store.public(uri),
        )
    _log.info("collected %d rows of %d files from %s", info.rows, len(parts), info.source)
    table.metadata.update(info.to_metadata())
    return info.rows, info.digest, format_time(instant)


def _parts(sources: Sequence[Source], scratch: Path) -> list[Part]:
    """The files with their own columns and those that their folders give; a file's own column goes first."""
    partitions = partition_columns(sources)
    parts = []
    for index, source in enumerate(sources):
        if source.uri.startswith("https://"):
            # Fetched once: a second pass over the server's file could meet other bytes.
            source = fetched(source, scratch)
        types = read_types(source)
        constants = {name: values[index] for name, values in partitions.items() if name not in types}
        parts.append(Part(source, types, constants))
    return parts


def _selection(
    parts: Sequence[Part], columns: list[str], time_column: str, window: Window | None, max_rows: int
) -> Selection:
    import pyarrow as pa

    found = [
        (part.source, {**part.types, **{name: pa.scalar(value).type for name, value in part.constants.items()}})
        for part in parts
    ]
    if time_column:
        # Elsewhere a missing column is null, but rows without a time would leave the window without a word.
        for source, types in found:
            if time_column not in types:
                raise missing(time_column, source, types, "time_column")
    wanted = [*columns, time_column] if columns and time_column and time_column not in columns else columns
    types = unify(found, wanted)
    return Selection(types, columns or list(types), time_column, window, max_rows)
