"""The rows that a selection takes from files, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kfp_lifecycle.components.collection import csv_files, json_files, parquet_files
from kfp_lifecycle.components.collection.sources import CSV, PARQUET, Source
from kfp_lifecycle.components.collection.times import inside, to_instants
from kfp_lifecycle.core.columns import stored_type
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.window import Window, format_time

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Selection:
    """What to take.

    Attributes:
        types: name and type of every column to read.
        columns: those to keep, in order.
        time_column: the column of event time; empty when there is none.
        window: what to keep of it; None keeps all.
    """

    types: Mapping[str, pa.DataType]
    columns: Sequence[str]
    time_column: str
    window: Window | None

    @property
    def schema(self) -> pa.Schema:
        """Of the table; event time that the source spells as text becomes a time."""
        import pyarrow as pa

        types = dict(self.types)
        if self.time_column and pa.types.is_string(types[self.time_column]):
            types[self.time_column] = pa.timestamp("us", "UTC")
        return pa.schema([pa.field(name, stored_type(name, types[name])) for name in self.columns])


@dataclass(frozen=True)
class Part:
    """One file with what is known before it is read.

    Attributes:
        source: the file.
        types: its own columns.
        constants: columns that its folders give, one value for all its rows.
    """

    source: Source
    types: Mapping[str, pa.DataType]
    constants: Mapping[str, str | int | None]

    @property
    def names(self) -> list[str]:
        return [*self.types, *self.constants]

    @property
    def column_types(self) -> dict[str, pa.DataType]:
        """The file's own columns and those of its folders."""
        import pyarrow as pa

        return {**self.types, **{name: pa.scalar(value).type for name, value in self.constants.items()}}


def select_rows(parts: Sequence[Part], selection: Selection) -> Iterator[pa.RecordBatch]:
    """Stream the selected rows as the selection's schema.

    Raises:
        InputError: a value does not fit the type on which the files agreed, or no row is left; the latter after the
            last file.
    """
    kept = 0
    for batch in stream_rows(parts, selection):
        kept += batch.num_rows
        yield batch
    if not kept:
        raise _nothing_left(parts, selection)


def stream_rows(parts: Sequence[Part], selection: Selection) -> Iterator[pa.RecordBatch]:
    """As ``select_rows``, but of any number of rows, none too."""
    for part in parts:
        for batch in _read(part, selection, selection.window):
            selected = _conform(batch, part, selection)
            if selected.num_rows:
                yield selected


def first_rows(batches: Iterator[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    """The first rows of a stream; 0 passes all on."""
    kept = 0
    for batch in batches:
        taken = batch.slice(0, most - kept) if most else batch
        kept += taken.num_rows
        yield taken
        if kept == most > 0:
            return


def read_types(source: Source) -> dict[str, pa.DataType]:
    """The file's own columns."""
    if source.format == PARQUET:
        return parquet_files.read_types(source)
    return csv_files.read_types(source) if source.format == CSV else json_files.read_types(source)


def _read(part: Part, selection: Selection, window: Window | None) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    types = {name: kind for name, kind in selection.types.items() if name in part.types}
    # Of a file that gives nothing but its folders' columns, the rows must still be counted.
    types = types or dict(list(part.types.items())[:1])
    if window and selection.time_column in part.constants:
        instant = to_instants(pa.array([part.constants[selection.time_column]]), selection.time_column)
        if not inside(instant, window)[0].as_py():
            return iter(())
    if part.source.format == PARQUET:
        return parquet_files.read_batches(part.source, types, selection.time_column, window)
    read = csv_files.read_batches if part.source.format == CSV else json_files.read_batches
    return read(part.source, types)


def _conform(batch: pa.RecordBatch, part: Part, selection: Selection) -> pa.RecordBatch:
    """The rows in the window, with every column of the table in its type."""
    import pyarrow as pa

    if selection.window:
        instants = to_instants(_column(batch, selection.time_column, part, selection), selection.time_column)
        batch = batch.filter(inside(instants, selection.window))
    arrays = []
    for field in selection.schema:
        column = _column(batch, field.name, part, selection)
        if field.name == selection.time_column and pa.types.is_string(column.type):
            column = to_instants(column, field.name)
        try:
            arrays.append(column.cast(field.type))
        except pa.ArrowInvalid as error:
            raise InputError(
                "columns",
                field.name,
                f"values of {part.source.name} that fit {field.type}, the type that all files share",
                f"{error}. Convert the column in the source, or leave it out.",
            ) from error
    return pa.RecordBatch.from_arrays(arrays, schema=selection.schema)


def _column(batch: pa.RecordBatch, name: str, part: Part, selection: Selection) -> pa.Array:
    import pyarrow as pa

    if name in part.types:
        column = batch.column(batch.schema.get_field_index(name))
        return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    kind = selection.types[name]
    if part.constants.get(name) is None:
        return pa.nulls(batch.num_rows, kind)
    return pa.repeat(pa.scalar(part.constants[name], kind), batch.num_rows)


def _nothing_left(parts: Sequence[Part], selection: Selection) -> InputError:
    uri = f"{len(parts)} files, the first of them {parts[0].source.name}"
    if selection.window is None:
        return InputError("uri", uri, "files with at least one row", "Check that the data has arrived.")
    span = _span(parts, selection)
    if span is None:
        expected = f"rows with a time in {selection.time_column}"
        return InputError("uri", uri, expected, "The files hold no row, or none with a time.")
    return InputError(
        "window",
        str(selection.window),
        f"a window with at least one row; {selection.time_column} runs from {format_time(span[0])} to "
        f"{format_time(span[1])}",
        "Move the window (or as_of, which it counts from), or check that the data has arrived.",
    )


def _span(parts: Sequence[Part], selection: Selection) -> tuple[datetime, datetime] | None:
    """First and last event time of all files; read again, but only to explain."""
    import pyarrow.compute as pc

    name = selection.time_column
    only_time = Selection({name: selection.types[name]}, [name], name, None)
    edges = []
    for part in parts:
        for batch in _read(part, only_time, None):
            edge = pc.min_max(to_instants(_column(batch, name, part, only_time), name)).as_py()
            edges += [edge["min"], edge["max"]] if edge["min"] else []
    return (min(edges), max(edges)) if edges else None
