"""Hashes of rows, by which rows of two tables are told apart or found equal."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.core.columns import stored_type, unknown_column
from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

    Hashes = npt.NDArray[np.uint64]

_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
# Keeps an instant, a text and a number with the same bits apart.
_TIME, _CLOCK, _TEXT, _NUMBER, _WHOLE, _NULL = np.arange(1, 7, dtype=np.uint64) * _GOLDEN
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))


def row_hashes(rows: pd.DataFrame | pa.RecordBatch | pa.Table, columns: Sequence[str]) -> Hashes:
    """A 64-bit hash of each row over the named columns; the same on every platform and in every version.

    Two rows have the same hash when every column has the same value, and by chance once in 1.8e19 pairs. Columns
    are taken by name in sorted order. What counts as the same value:

    * Numbers are compared by value, whatever their type: integer 3, float 3.0, decimal 3.00; true is 1 and false is 0
      (a column of integers becomes one of floats as soon as one value is missing). -0.0 is 0.0. A 32-bit 0.1 is not
      a 64-bit 0.1. Integers above 2**53 that no float equals are compared exactly.
    * Null, NaN and NaT are one value, equal in columns of all types and different from the empty text.
    * Text and bytes are compared by their bytes, so text 3 is not number 3.
    * Times are compared as instants to the nanosecond, whatever unit and zone; a time without a zone is UTC, and a
      date is its midnight. A time of day is no instant.

    Args:
        rows: a data frame, record batch or table; integer columns with nulls that were widened to floats before
            have lost digits above 2**53.
        columns: at least one name.

    Raises:
        InputError: a column is missing, nested, or of mixed types.
    """
    import pyarrow as pa

    names = sorted(set(columns))
    if not names:
        raise InputError("columns", list(columns), "at least one column", "Name the columns that tell rows apart.")
    known = [str(name) for name in (rows.schema.names if hasattr(rows, "schema") else rows.columns)]
    hashes = np.full(len(rows), _GOLDEN)
    for name in names:
        if name not in known:
            raise unknown_column("columns", name, known, "the table")
        seed = np.uint64(_text_hash(name.encode()))
        hashes = _mix(hashes ^ _mix(_column_hashes(name, _arrow(pa, name, rows[name])) + seed)) + _GOLDEN
    return hashes


def _arrow(pa: Any, name: str, values: Any) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    elif not isinstance(values, pa.Array):
        try:
            values = pa.Array.from_pandas(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InputError(name, str(error), "values of one type", "Convert the column to one type.") from error
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
    kind = stored_type(name, values.type)
    return values if values.type == kind else values.cast(kind)


def _column_hashes(name: str, column: pa.Array) -> Hashes:
    import pyarrow as pa
    import pyarrow.types as types

    kind = column.type
    if types.is_null(kind):
        return np.full(len(column), _NULL)
    null = np.asarray(column.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    if types.is_string(kind) or types.is_binary(kind):
        hashes = _text_hashes(column)
    elif types.is_timestamp(kind):
        hashes = _instants(_integers(column), kind.unit)
    elif types.is_date(kind):
        hashes = _instants(_integers(column.cast(pa.timestamp("ms"))), "ms")
    elif types.is_time(kind):
        hashes = _mix(_integers(column.cast(pa.time64("ns"))).view(np.uint64) ^ _CLOCK)
    elif types.is_integer(kind):
        hashes = _whole_hashes(column.fill_null(0).to_numpy(zero_copy_only=False))
    else:
        values = column.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
        null |= np.isnan(values)
        hashes = _number_hashes(values)
    hashes[null] = _NULL
    return hashes


def _integers(column: pa.Array) -> npt.NDArray[np.int64]:
    import pyarrow as pa

    values: npt.NDArray[np.int64] = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return values


def _instants(values: npt.NDArray[np.int64], unit: str) -> Hashes:
    """Microseconds and the nanoseconds beyond them, because one count of nanoseconds ends in the year 2262."""
    rest = np.zeros(len(values), dtype=np.int64)
    if unit == "ms":
        values = values * 1000
    elif unit == "ns":
        values, rest = values // 1000, values % 1000
    return _mix(_mix(values.view(np.uint64) ^ _TIME) + rest.astype(np.uint64))


def _number_hashes(values: npt.NDArray[np.float64]) -> Hashes:
    # Adding zero turns -0.0 into 0.0.
    return _mix((values + 0.0).view(np.uint64) ^ _NUMBER)


def _whole_hashes(values: npt.NDArray[Any]) -> Hashes:
    """As the equal float where there is one, else by the digits."""
    floats = values.astype(np.float64)
    hashes = _number_hashes(floats)
    # 2**63 and 2**64 themselves do not fit back into the integer type.
    limit = 2.0**63 if np.issubdtype(values.dtype, np.signedinteger) else 2.0**64
    fits = floats < limit
    exact = np.zeros(len(values), dtype=bool)
    exact[fits] = floats[fits].astype(values.dtype) == values[fits]
    bits = values.astype(np.int64 if limit == 2.0**63 else np.uint64).view(np.uint64)
    hashes[~exact] = _mix(bits[~exact] ^ _WHOLE)
    return hashes


def _text_hashes(column: pa.Array) -> Hashes:
    encoded = column.dictionary_encode()
    values = encoded.dictionary.cast("binary").to_pylist()
    unique = np.array([_text_hash(value) for value in values] or [0], dtype=np.uint64)
    return _mix(unique[encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)] ^ _TEXT)


def _text_hash(value: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(value, digest_size=8).digest(), "little")


def _mix(value: Hashes) -> Hashes:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014), a bijection in which each bit moves half of all."""
    value = (value ^ (value >> _SHIFTS[0])) * _MIX[0]
    value = (value ^ (value >> _SHIFTS[1])) * _MIX[1]
    return value ^ (value >> _SHIFTS[2])


def positions(hashes: Hashes, seed: int) -> npt.NDArray[np.float64]:
    """A place in [0, 1) for each hash, evenly spread; another seed gives unrelated places."""
    start = _mix(np.array([seed % 2**64], dtype=np.uint64) + _GOLDEN)
    # 53 bits, as many as a float holds.
    places: npt.NDArray[np.float64] = (_mix(hashes ^ start) >> np.uint64(11)) * 2.0**-53
    return places
