"""The rows of each window, found in one pass over their times and read from then on by row groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.components.monitoring.engines.window_rows import WindowRows
from kfp_lifecycle.core.columns import unknown_column
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.logged_rows import MODEL_VERSION, SCORE, STATUS
from kfp_lifecycle.core.table import part_files, read_schema
from kfp_lifecycle.core.window import Window

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    Flags = npt.NDArray[np.bool_]

_ANSWERED = 200
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_TIMELESS = int(np.iinfo(np.int64).min)


@dataclass(frozen=True)
class _Place:
    """The rows of one window in one row group.

    Attributes:
        rows: their numbers in the group.
        answered: which were answered; true where no status was logged.
        own: which of them by the version that is watched.
    """

    part: Path
    group: int
    rows: npt.NDArray[np.int64]
    answered: Flags
    own: Flags


_Chosen = Callable[[_Place], "Flags"]


@dataclass(frozen=True)
class ServedWindow:
    """One window of a table of served rows.

    Attributes:
        rows: all of them.
        answered: those that were answered, by whatever version.
        own: those that the watched version answered.
    """

    window: Window
    schema: pa.Schema
    rows: int
    answered: int
    own: int
    places: tuple[_Place, ...]

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows."""
        return _read(self.places, columns, lambda place: np.ones(len(place.rows), dtype=bool))

    def read_own(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows that the watched version answered."""
        return _read(self.places, columns, lambda place: place.own)

    def for_drift(self) -> WindowRows:
        """The answered rows; the score of those that another version answered is left out."""
        return WindowRows(self.window, self.answered, self.schema, partial(_read_answered, self.places))


@dataclass(frozen=True)
class ServedRows:
    """A table of served rows by window.

    Attributes:
        windows: in the order asked for.
        outside: rows with a time in none of them.
        untimed: rows without a time.
        unnamed: rows in a window of which nobody knows which version answered; they count as the watched one's.
    """

    windows: tuple[ServedWindow, ...]
    outside: int
    untimed: int
    unnamed: int


def find_rows(directory: str | Path, time_column: str, windows: Sequence[Window], version: str) -> ServedRows:
    """Look at the time, status and version of every row; no other column is read.

    Args:
        directory: a table.
        time_column: of event time; times, dates or ISO 8601 text, without a zone in UTC.
        windows: that follow each other without a gap, oldest first.
        version: that is watched.

    Raises:
        InputError: the table has no such column, or it holds no times.
    """
    import pyarrow.parquet as pq

    schema = read_schema(directory)
    if time_column not in schema.names:
        raise unknown_column("time_column", time_column, schema.names, "the table")
    marks = [name for name in (STATUS, MODEL_VERSION) if name in schema.names]
    places: list[list[_Place]] = [[] for _ in windows]
    edges = np.array([_microseconds(w.start) for w in windows] + [_microseconds(windows[-1].end)], dtype=np.int64)
    outside = untimed = unnamed = 0
    for part in part_files(directory):
        with pq.ParquetFile(part, memory_map=False, pre_buffer=False) as file:
            for group in range(file.metadata.num_row_groups):
                rows = file.read_row_group(group, columns=[time_column, *marks], use_threads=False)
                instants = _instants(rows.column(time_column), time_column)
                numbers = np.searchsorted(edges, instants, side="right") - 1
                inside = (numbers >= 0) & (numbers < len(windows))
                timeless = instants == _TIMELESS
                untimed += int(timeless.sum())
                outside += int((~inside & ~timeless).sum())
                answered, own, named = _marked(rows, version)
                unnamed += int((inside & answered & ~named).sum())
                for number in np.unique(numbers[inside]):
                    found = np.flatnonzero(numbers == number)
                    places[number].append(_Place(part, group, found, answered[found], own[found]))
    return ServedRows(
        tuple(_served(window, schema, found) for window, found in zip(windows, places, strict=True)),
        outside,
        untimed,
        unnamed,
    )


def _served(window: Window, schema: pa.Schema, places: list[_Place]) -> ServedWindow:
    rows, answered, own = (
        sum(int(count) for count in counts)
        for counts in (
            [len(place.rows) for place in places],
            [place.answered.sum() for place in places],
            [place.own.sum() for place in places],
        )
    )
    return ServedWindow(window, schema, rows, answered, own, tuple(places))


def _microseconds(instant: datetime) -> int:
    return (instant - _UNIX) // (datetime.resolution)


def _instants(column: pa.ChunkedArray, name: str) -> npt.NDArray[np.int64]:
    """Microseconds since 1970; a missing time lies before all windows."""
    import pandas as pd
    import pyarrow.types as types

    kind = column.type
    if not (types.is_timestamp(kind) or types.is_date(kind) or types.is_string(kind) or types.is_null(kind)):
        raise InputError("time_column", name, f"times, not {kind}", "Name the column of event time.")
    text = "ISO8601" if types.is_string(kind) else None
    try:
        times = pd.to_datetime(column.to_pandas(), utc=True, format=text)
    except ValueError as error:
        raise InputError("time_column", name, f"ISO 8601 times ({error})", "Name the column of event time.") from None
    values: npt.NDArray[np.int64] = times.to_numpy(dtype="datetime64[us]").astype(np.int64)
    values[times.isna().to_numpy()] = _TIMELESS
    return values


def _marked(rows: pa.Table, version: str) -> tuple[Flags, Flags, Flags]:
    """Which rows were answered, which of them by this version, and of which the version is known."""
    answered = np.ones(rows.num_rows, dtype=bool)
    named = np.zeros(rows.num_rows, dtype=bool)
    own = np.ones(rows.num_rows, dtype=bool)
    if STATUS in rows.column_names:
        status = rows.column(STATUS).to_pandas()
        answered = (status.isna() | (status == _ANSWERED)).to_numpy(dtype=bool)
    if MODEL_VERSION in rows.column_names:
        versions = rows.column(MODEL_VERSION).to_pandas()
        named = versions.notna().to_numpy(dtype=bool)
        own = ~named | (versions.astype(str) == version).to_numpy(dtype=bool)
    return answered, answered & own, named


def _read(places: Sequence[_Place], columns: Sequence[str], chosen: _Chosen) -> Iterator[pa.RecordBatch]:
    return (batch for _, taken in _groups(places, columns, chosen) for batch in taken.to_batches())


def _read_answered(places: Sequence[_Place], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.compute as pc

    for place, taken in _groups(places, columns, lambda place: place.answered):
        if SCORE in columns:
            own = pa.array(place.own[place.answered])
            position = taken.schema.get_field_index(SCORE)
            kept = pc.if_else(own, taken.column(SCORE), pa.scalar(None, taken.schema.field(SCORE).type))
            taken = taken.set_column(position, taken.schema.field(SCORE), kept)
        yield from taken.to_batches()


def _groups(places: Sequence[_Place], columns: Sequence[str], chosen: _Chosen) -> Iterator[tuple[_Place, pa.Table]]:
    import pyarrow.parquet as pq

    for place in places:
        rows = place.rows[chosen(place)]
        if not len(rows):
            continue
        with pq.ParquetFile(place.part, memory_map=False, pre_buffer=False) as file:
            group = file.read_row_group(place.group, columns=list(columns), use_threads=False)
        yield place, (group if len(rows) == group.num_rows else group.take(rows)).select(list(columns))
