"""JSON lines: one object on each line, read a block of lines at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.components.collection.schemas import merged
from kfp_lifecycle.components.collection.sources import Source, json_lines, open_source, readable

if TYPE_CHECKING:
    import pyarrow as pa


def read_types(source: Source) -> dict[str, pa.DataType]:
    """Column names and the types that fit every value; reads the whole file once."""
    import pyarrow as pa

    kinds: dict[str, pa.DataType] = {}
    for table in _tables(source, None):
        for field in table.schema:
            known = kinds.get(field.name)
            if pa.types.is_nested(field.type) or (known and pa.types.is_nested(known)):
                # Refused later, but only if the column is wanted.
                kinds[field.name] = field.type if pa.types.is_nested(field.type) else known
            else:
                kinds[field.name] = merged(field.name, known, field.type, source)
    return kinds


def read_batches(source: Source, types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    """Stream the named columns; numbers come as the given types."""
    import pyarrow as pa

    # A column without any value has no type to parse it by.
    typed = pa.schema([pa.field(name, kind) for name, kind in types.items() if not pa.types.is_null(kind)])
    for table in _tables(source, typed):
        for name in types:
            if name not in table.column_names:
                table = table.append_column(name, pa.nulls(table.num_rows))
        yield from table.select(list(types)).combine_chunks().to_batches()


def _tables(source: Source, schema: pa.Schema | None) -> Iterator[pa.Table]:
    with open_source(source) as stream:
        yield from readable(source, (_parse(block, schema) for block in json_lines(stream)))


def _parse(block: bytes, schema: pa.Schema | None) -> Any:
    import pyarrow.json as json

    return json.read_json(
        io.BytesIO(block),
        read_options=json.ReadOptions(use_threads=False, block_size=len(block) + 1),
        parse_options=json.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior="infer" if schema is None else "ignore"
        ),
    )
