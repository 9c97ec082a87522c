"""Parquet files, of which only the row groups that may hold the window are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.components.collection.sources import Source, open_source, readable
from kfp_lifecycle.components.collection.times import to_instants
from kfp_lifecycle.core.window import Window

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 1 << 16


def read_types(source: Source) -> dict[str, pa.DataType]:
    """Column names and types, from the file's footer."""
    with open_source(source) as stream:
        (schema,) = readable(source, (_open(stream, source).schema_arrow for _ in range(1)))
        return {field.name: field.type for field in schema}


def read_batches(
    source: Source, types: Mapping[str, pa.DataType], time_column: str, window: Window | None
) -> Iterator[pa.RecordBatch]:
    """Stream the named columns; rows outside the window are left out only by whole row groups."""
    with open_source(source) as stream:
        yield from readable(source, _batches(stream, source, types, time_column, window))


def _batches(
    stream: Any, source: Source, types: Mapping[str, pa.DataType], time_column: str, window: Window | None
) -> Iterator[pa.RecordBatch]:
    file = _open(stream, source)
    groups = list(range(file.metadata.num_row_groups))
    if window:
        groups = [group for group in groups if _may_hold(file, group, time_column, window)]
    yield from file.iter_batches(batch_size=_BATCH_ROWS, row_groups=groups, columns=list(types), use_threads=False)


def _open(stream: Any, source: Source) -> Any:
    import pyarrow.parquet as pq

    # On disk a column is read a piece at a time. From a bucket each piece would be a request of its own, so there a
    # row group's column is read at once.
    return pq.ParquetFile(stream, pre_buffer=False, buffer_size=0 if source.is_remote else 1 << 20)


def _may_hold(file: Any, group: int, time_column: str, window: Window) -> bool:
    """Whether the statistics of a row group leave room for a row in the window."""
    import pyarrow as pa
    import pyarrow.types as types

    schema = file.schema_arrow
    index = schema.get_field_index(time_column)
    # Text is not in order of time unless every value is spelled alike.
    if index < 0 or not (types.is_timestamp(schema.field(index).type) or types.is_date(schema.field(index).type)):
        return True
    metadata = file.metadata.row_group(group)
    columns = {metadata.column(i).path_in_schema: metadata.column(i) for i in range(metadata.num_columns)}
    statistics = columns[time_column].statistics
    if statistics is None or not statistics.has_min_max:
        return True
    edges = pa.array([statistics.min, statistics.max], schema.field(index).type)
    first, last = to_instants(edges, time_column).to_pylist()
    return bool(first < window.end and last >= window.start)
