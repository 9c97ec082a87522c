"""The column types that a table holds, and the one spelling of each."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from typing import TYPE_CHECKING

from kfp_lifecycle.core.checksums import canonical_json, sha256_bytes
from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa


def stored_type(name: str, given: pa.DataType) -> pa.DataType:
    """The type under which a column is stored.

    Types that hold the same values get one spelling, so that a table's digest does not depend on how its source
    happened to encode them: dictionaries are decoded, large strings are strings, times carry the zone UTC (a time
    without a zone is UTC), and units that Parquet does not know become the next finer one.

    Raises:
        InputError: the type is nested or a duration.
    """
    import pyarrow as pa
    import pyarrow.types as types

    if types.is_dictionary(given):
        return stored_type(name, given.value_type)
    if types.is_timestamp(given):
        return pa.timestamp("ms" if given.unit == "s" else given.unit, "UTC")
    if types.is_time(given):
        return pa.time32("ms") if given.unit == "s" else given
    if types.is_string(given) or types.is_large_string(given) or types.is_string_view(given):
        return pa.string()
    if (
        types.is_binary(given)
        or types.is_large_binary(given)
        or types.is_binary_view(given)
        or types.is_fixed_size_binary(given)
    ):
        return pa.binary()
    if types.is_date(given):
        return pa.date32()
    if types.is_float16(given):
        return pa.float32()
    plain = types.is_boolean(given) or types.is_integer(given) or types.is_floating(given)
    if plain or types.is_decimal(given) or types.is_null(given):
        return given
    raise InputError(
        name,
        str(given),
        "a column of numbers, booleans, text, bytes, dates or times",
        "Leave the column out, or flatten it before it is collected.",
    )


def stored_schema(schema: pa.Schema) -> pa.Schema:
    """The schema under which a table is stored: stored types, every column nullable, no metadata.

    Raises:
        InputError: a column name appears twice, or a type cannot be stored.
    """
    import pyarrow as pa

    for name, times in Counter(schema.names).items():
        if times > 1:
            raise InputError("columns", name, "column names that appear once", "Rename one of the two in the source.")
    return pa.schema([pa.field(field.name, stored_type(field.name, field.type)) for field in schema])


def schema_digest(schema: pa.Schema) -> str:
    """The sha256 over names and types in order."""
    return sha256_bytes(canonical_json([[field.name, str(field.type)] for field in schema]))


def unknown_column(parameter: str, name: str, known: Iterable[str], where: str) -> InputError:
    """The refusal of a column that ``where`` does not have, with the names nearest to it."""
    known = list(known)
    near = get_close_matches(name, known, n=3, cutoff=0.5) or known[:5]
    more = "" if len(near) == len(known) else f", of {len(known)} columns"
    return InputError(parameter, name, f"a column of {where}", f"Did you mean one of: {', '.join(near)}{more}?")
