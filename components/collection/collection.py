"""The step ``collect``: one table from files, or from a log of predictions and the labels that came later."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.components.collection.labels import joined
from kfp_lifecycle.components.collection.late_labels import LabelOptions, find_labels, read_labels
from kfp_lifecycle.components.collection.logs.reading import LogOptions, read_log
from kfp_lifecycle.components.collection.parts import parts_of
from kfp_lifecycle.components.collection.retries import superseded, without
from kfp_lifecycle.components.collection.rows import Part, Selection, first_rows, select_rows, stream_rows
from kfp_lifecycle.components.collection.selections import log_selection, table_selection
from kfp_lifecycle.components.collection.sources import LOGS, find_sources
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.logged_rows import EVENT_TIME, LOG_COLUMNS
from kfp_lifecycle.core.table import write_table
from kfp_lifecycle.core.window import format_time, parse_duration, parse_window, resolve_as_of

if TYPE_CHECKING:
    import pyarrow as pa

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
    feature_names: Sequence[str] = (),
    lateness: str = "P7D",
    max_bad_share: float = 0.01,
    labels_uri: str = "",
    labels_id: Sequence[str] = (),
    labels_time: str = "",
    label: str = "",
) -> tuple[int, str, str]:
    """Read files into one table, in order of file name and then of row.

    Memory does not grow with the data, but for labels, which are held, and 16 bytes for each row of a log.

    Args:
        uri: a file, a folder or a pattern on disk, s3 or gs, or one https file; Parquet, CSV or JSON lines, of which
            the last two may be compressed (.gz). Folders like ``week=01`` give columns. For a log of predictions the
            folder of one service.
        table: where the table goes. For a log its metadata says how many records were left out, and why.
        columns: the columns to keep, in this order; empty keeps all.
        time_column: the column of event time; times without a zone are UTC. Empty means ``_event_time`` in a log.
        window: the half-open window of event time to keep, as ``core.window.parse_window`` reads it; empty keeps all.
            Rows without a time lie in no window.
        as_of: the instant the run stands for; empty, or a schedule macro left unexpanded, means now.
        max_rows: stop after this many rows; 0 keeps all.
        format: parquet, csv, jsonl, auto to go by the names, or a log: payload-log, kserve-blob, cloudevents. Logs
            give one row a prediction with the columns of ``core.logged_rows``, and a request that was sent again once.
        feature_names: of the model's features in order, for logs of requests that do not name them.
        lateness: how far event time and arrival lie apart at most, an ISO 8601 duration; hours of a log that lie
            further from the window are not opened. Empty opens all.
        max_bad_share: the largest share of a log's records that may be malformed and left out.
        labels_uri: a table of labels, as ``uri``; empty where there is none.
        labels_id: its columns that say to which row a label belongs, as ``label_keys`` reads them.
        labels_time: its column that says when a label came to be known; labels after ``as_of`` are left out, and of
            several for one row the latest counts.
        label: its column of labels, which the table gets as its last; null where there is no label.

    Returns:
        Number of rows, digest of the table, and ``as_of`` resolved, ISO 8601 in UTC.

    Raises:
        InputError: names the parameter; nothing was written.
    """
    if max_rows < 0:
        raise InputError("max_rows", max_rows, "0 or more", "Leave it at 0 to keep all rows.")
    if not 0 <= max_bad_share <= 1:
        raise InputError("max_bad_share", max_bad_share, "a share from 0 to 1", "Write for example 0.01.")
    is_log = format in LOGS
    time_column = time_column or (EVENT_TIME if is_log else "")
    if window.strip() and not time_column:
        raise InputError("time_column", "", "a column when a window is given", "Name the column of event time.")
    import pyarrow as pa

    instant = resolve_as_of(as_of, datetime.now(UTC))
    chosen = parse_window(window, instant)
    late = parse_duration(lateness, "lateness") if lateness.strip() else None
    options = LabelOptions(labels_uri, list(labels_id), label, labels_time, instant)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="collect-") as folder:
        sources = find_sources(uri, format)
        if is_log:
            sources, found = read_log(
                sources, LogOptions(chosen, late, list(feature_names), max_bad_share), Path(folder)
            )
            counts.update(found)
        parts = parts_of(sources, Path(folder))
        labels = find_labels(options, _names(parts, is_log), Path(folder)) if labels_uri.strip() else None
        also = list(labels.keys.values()) if labels else []
        select = log_selection if is_log else table_selection
        selection = select(parts, list(columns), also, time_column, chosen)
        schema = selection.schema
        kept = [schema.field(name) for name in columns or selection.columns]
        batches = select_rows(parts, selection)
        if is_log:
            batches = _once(batches, parts, selection, counts)
        if labels:
            ready = read_labels(labels, options, {field.name: field.type for field in schema})
            batches = joined(batches, ready, counts)
            kept.append(ready.table.schema.field(label))
        info = write_table(
            first_rows(batches, max_rows),
            pa.schema(kept),
            table.path,
            window=str(chosen) if chosen else "",
            source=object_store.public(uri),
        )
    _log.info("collected %d rows of %d files from %s", info.rows, len(parts), info.source)
    if labels and info.rows and not counts["labelled"]:
        _log.warning(
            "none of the rows has a label: check that labels_id names the columns that hold the rows' keys, and that "
            "labels have come for this window"
        )
    if counts:
        _log.info("counted on the way: %s", ", ".join(f"{number} {name}" for name, number in counts.items()))
    table.metadata.update({**info.to_metadata(), **counts})
    return info.rows, info.digest, format_time(instant)


def _names(parts: Sequence[Part], is_log: bool) -> list[str]:
    found = dict.fromkeys(name for part in parts for name in part.names)
    return list(found | dict.fromkeys(LOG_COLUMNS)) if is_log else list(found)


def _once(
    batches: Iterator[pa.RecordBatch], parts: Sequence[Part], selection: Selection, counts: Counter[str]
) -> Iterator[pa.RecordBatch]:
    """The rows of a log, those that were sent again only once."""

    def read(names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        types = {name: selection.types[name] for name in dict.fromkeys([*names, selection.time_column])}
        return stream_rows(parts, replace(selection, types=types, columns=names))

    gone = superseded(read)
    counts["retried"] = len(gone)
    return without(batches, gone)
