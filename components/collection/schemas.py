"""One schema for many files: columns meet by name, and their types must agree or be promoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kfp_lifecycle.components.collection.csv_files import merge_types
from kfp_lifecycle.components.collection.sources import CSV, JSONL, Source
from kfp_lifecycle.core.columns import stored_type, unknown_column
from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa


def unify(found: Sequence[tuple[Source, Mapping[str, pa.DataType]]], wanted: Sequence[str]) -> dict[str, pa.DataType]:
    """Names and types of the table, in order of first appearance, or as ``wanted`` names them.

    A column that some files lack is null there. Whole numbers become numbers where another file has numbers; CSV
    columns become text where another file has text.

    Raises:
        InputError: a wanted column is in no file, or the types of a column cannot meet; names the file.
    """
    known: dict[str, pa.DataType] = {}
    for source, types in found:
        for name, kind in types.items():
            if not wanted or name in wanted:
                known[name] = merged(name, known.get(name), kind, source)
    for name in wanted:
        if name not in known:
            raise missing(name, found[0][0], found[0][1], "columns")
    return {name: known[name] for name in wanted} if wanted else known


def merged(name: str, one: pa.DataType | None, other: pa.DataType, source: Source) -> pa.DataType:
    """The type that holds the values of both, or a refusal that names the column and the file of ``other``."""
    import pyarrow as pa

    try:
        other = stored_type(name, other)
    except InputError as error:
        raise InputError(
            "columns", name, f"{error.expected}, found {error.value} in {source.name}", error.remedy
        ) from error
    if one is None or one == other:
        return other
    if source.format == CSV:
        return merge_types(one, other)
    if source.format == JSONL and {str(one), str(other)} == {"string", "timestamp[ms, tz=UTC]"}:
        # The parser takes some ISO 8601 spellings for times and leaves the others as text.
        return pa.string()
    try:
        pair = [pa.schema([pa.field(name, kind)]) for kind in (one, other)]
        return stored_type(name, pa.unify_schemas(pair, promote_options="permissive").field(0).type)
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise InputError(
            "columns",
            name,
            f"one type in all files, found {other} in {source.name} and {one} before it",
            "Convert it in the source, or leave the column or the file out.",
        ) from error


def missing(name: str, source: Source, types: Mapping[str, pa.DataType], parameter: str) -> InputError:
    """The refusal of a column that a file does not have."""
    return unknown_column(parameter, name, types, source.name)
