"""CSV files, read as text and converted here, so that every block and every file is read by one set of rules.

The type of a column is the narrowest that fits all its values: whole number, number, ISO 8601 time, true or false, else
text. Numbers with leading zeros and whole numbers beyond 64 bits are text, because they are names. An empty field
is missing; NA, NaN, null and the like are missing in columns that are not text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.components.collection.sources import Source, open_source, readable
from kfp_lifecycle.components.collection.times import parse_times
from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

# The parser reads up to 32 blocks ahead. No row may be longer than a block.
_BLOCK = 1 << 20
_MISSING = ["", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "NULL", "null", "Null", "None", "#N/A", "<NA>"]
# A leading zero before another digit, or more digits than 64 bits hold.
_NAME_LIKE = r"^[+-]?(0\d+|\d{19,})$"


def read_types(source: Source) -> dict[str, pa.DataType]:
    """Column names and the types that fit every value; reads the whole file once."""
    import pyarrow as pa

    names = _names(source)
    kinds = dict.fromkeys(names, pa.null())
    for batch in _text_batches(source, names, names):
        for name in names:
            kinds[name] = merge_types(kinds[name], _fitting(batch[name], kinds[name]))
    return kinds


def read_batches(source: Source, types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    """Stream the named columns as the given types."""
    import pyarrow as pa

    for batch in _text_batches(source, _names(source), list(types)):
        arrays = [_convert(batch[name], kind) for name, kind in types.items()]
        yield pa.RecordBatch.from_arrays(arrays, names=list(types))


def merge_types(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type that holds the values of both; for text that is always possible."""
    import pyarrow as pa
    import pyarrow.types as types

    if one == other or types.is_null(other):
        return one
    if types.is_null(one):
        return other
    numbers = all(types.is_integer(kind) or types.is_floating(kind) for kind in (one, other))
    return pa.float64() if numbers else pa.string()


def _names(source: Source) -> list[str]:
    import pyarrow.csv as csv

    with open_source(source) as stream:
        (names,) = readable(source, (csv.open_csv(stream, **_options(source)).schema.names for _ in range(1)))
    for name in names:
        if not name.strip() or names.count(name) > 1:
            expected = f"a header of distinct names, found {name!r}"
            raise InputError("uri", source.name, expected, "Repair its first line.")
    return list(names)


def _text_batches(source: Source, names: Sequence[str], wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.csv as csv

    convert = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), include_columns=list(wanted))

    def parsed(stream: Any) -> Iterator[pa.RecordBatch]:
        yield from csv.open_csv(stream, convert_options=convert, **_options(source))

    with open_source(source) as stream:
        yield from readable(source, parsed(stream))


def _options(source: Source) -> dict[str, Any]:
    import pyarrow.csv as csv

    return {
        "read_options": csv.ReadOptions(block_size=_BLOCK, use_threads=False),
        "parse_options": csv.ParseOptions(delimiter=source.separator, newlines_in_values=True),
    }


def _fitting(column: pa.Array, likely: pa.DataType) -> pa.DataType:
    """The narrowest type for these values; ``likely`` is what the blocks before gave."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(likely):
        return likely
    values = _plain(column)
    if values.null_count == len(values):
        return pa.null()
    if pc.any(pc.match_substring_regex(values, _NAME_LIKE)).as_py():
        return pa.string()
    for kind in (pa.int64(), pa.float64(), pa.timestamp("us", "UTC"), pa.bool_()):
        if _fits(values, kind):
            return kind
    return pa.string()


def _fits(values: pa.Array, kind: pa.DataType) -> bool:
    import pyarrow as pa

    try:
        _conversion(kind)(values)
    except pa.ArrowInvalid:
        return False
    return True


def _convert(column: pa.Array, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(kind):
        return pa.nulls(len(column))
    if pa.types.is_string(kind):
        return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    return _conversion(kind)(_plain(column))


def _conversion(kind: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    import pyarrow as pa

    return parse_times if pa.types.is_timestamp(kind) else lambda values: values.cast(kind)


def _plain(column: pa.Array) -> pa.Array:
    """Without surrounding blanks, and null where a value is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.is_in(trimmed, pa.array(_MISSING)), pa.scalar(None, pa.string()), trimmed)
