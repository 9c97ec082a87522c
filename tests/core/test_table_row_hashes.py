"""When two rows count as the same row."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.rows import row_hashes

EVER = [440858664015809492, 17416825160870600425, 1689537030538461826]


def hashed(values: object, kind: pa.DataType | None = None) -> int:
    return int(row_hashes(pa.table({"c": pa.array([values], kind)}), ["c"])[0])


def test_hashes_are_these_numbers_for_ever():
    """A holdout is kept apart from rows hashed by an older version: these values must never change."""
    rows = pa.table(
        {
            "flag": [True, False, None],
            "n": pa.array([1, None, 2**60 + 1], pa.int64()),
            "text": ["a", "", None],
            "at": pa.array([datetime(2013, 1, 1), None, datetime(1900, 1, 1)], pa.timestamp("us", "UTC")),
            "x": [0.1, float("nan"), -0.0],
        }
    )
    assert row_hashes(rows, ["flag", "n", "text", "at", "x"]).tolist() == EVER


@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(),
            st.none() | st.text(),
            st.none() | st.booleans(),
        ),
        min_size=1,
        max_size=40,
    ),
    size=st.integers(1, 40),
)
@settings(max_examples=100, deadline=None)
def test_a_row_has_one_hash_in_any_batch_and_any_column_order(rows, size):
    kinds = (pa.int64(), pa.float64(), pa.string(), pa.bool_())
    columns = zip(*rows, strict=True)
    table = pa.table([pa.array(c, kind) for c, kind in zip(columns, kinds, strict=True)], names=["i", "f", "s", "b"])
    whole = row_hashes(table, ["i", "f", "s", "b"])
    for columns in (["s", "b", "i", "f"], ["b", "f", "i", "s"]):
        pieces = [row_hashes(batch, columns) for batch in table.select(columns).to_batches(max_chunksize=size)]
        assert np.concatenate(pieces).tolist() == whole.tolist()
    alone = [int(row_hashes(table.slice(i, 1), ["i", "f", "s", "b"])[0]) for i in range(len(rows))]
    assert alone == whole.tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((3, pa.int8()), (3.0, pa.float64())),
        ((3, pa.uint64()), (3.0, pa.float32())),
        ((2**53 + 2, pa.int64()), (float(2**53 + 2), pa.float64())),
        ((2**63, pa.uint64()), (float(2**63), pa.float64())),
        ((2**60 + 1, pa.int64()), (2**60 + 1, pa.uint64())),
        ((-(2**63), pa.int64()), (-float(2**63), pa.float64())),
        ((Decimal("3.50"), pa.decimal128(5, 2)), (3.5, pa.float64())),
        ((True, pa.bool_()), (1, pa.int64())),
        ((0.0, pa.float64()), (-0.0, pa.float64())),
        ((None, pa.int64()), (float("nan"), pa.float64())),
        ((None, pa.string()), (None, pa.timestamp("s"))),
        ((None, pa.null()), (None, pa.bool_())),
        (("é", pa.string()), ("é", pa.large_string())),
        (("a", pa.string()), ("a", pa.dictionary(pa.int8(), pa.string()))),
        ((datetime(2013, 1, 1), pa.timestamp("s")), (datetime(2013, 1, 1, tzinfo=UTC), pa.timestamp("ns", "UTC"))),
        ((datetime(2013, 1, 1, tzinfo=UTC), pa.timestamp("ms", "Asia/Tokyo")), (date(2013, 1, 1), pa.date32())),
        ((datetime(1, 1, 1), pa.timestamp("us")), (date(1, 1, 1), pa.date32())),
    ],
)
def test_one_value_in_two_types_is_one_value(one, other):
    assert hashed(*one) == hashed(*other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((3, None), ("3", None)),
        ((None, pa.string()), ("", None)),
        ((None, pa.int64()), (0, None)),
        ((2**53, None), (2**53 + 1, None)),
        ((float(2**60), pa.float64()), (2**60 + 1, pa.int64())),
        ((2**63 - 1, pa.int64()), (float(2**63), pa.float64())),
        ((2**64 - 1, pa.uint64()), (float(2**64), pa.float64())),
        ((0.1, pa.float32()), (0.1, pa.float64())),
        ((1, pa.timestamp("ns")), (0, pa.timestamp("ns"))),
        ((0, pa.timestamp("ns")), (0, pa.int64())),
        ((0, pa.time64("us")), (0, pa.int64())),
    ],
)
def test_different_values_differ(one, other):
    assert hashed(*one) != hashed(*other)


def test_a_frame_hashes_as_the_batch_it_came_from():
    table = pa.table(
        {
            "n": pa.array([1, None, 3]),
            "b": pa.array([True, None, False]),
            "s": pa.array(["a", None, "c"]),
            "t": pa.array([1, None, 3], pa.timestamp("us", "UTC")),
            "d": pa.array([1, None, 3], pa.date32()),
        }
    )
    frame = table.to_pandas(date_as_object=False)
    frame["s"] = frame["s"].astype("category")
    assert row_hashes(frame, table.column_names).tolist() == row_hashes(table, table.column_names).tolist()


def test_values_do_not_trade_places_between_columns():
    table = pa.table({"a": ["x", "y", None, "x"], "b": ["y", "x", "x", None]})
    assert len(set(row_hashes(table, ["a", "b"]).tolist())) == 4


def test_a_million_rows_do_not_collide():
    table = pa.table({"a": np.arange(1_000_000), "b": np.arange(1_000_000) % 7})
    assert len(np.unique(row_hashes(table, ["a", "b"]))) == 1_000_000


def test_each_bit_of_the_hash_is_even():
    """Splits take a row by comparing its hash with a bound, so that every bit must be fair."""
    hashes = row_hashes(pa.table({"a": np.arange(100_000)}), ["a"])
    shares = [float(((hashes >> np.uint64(bit)) & np.uint64(1)).mean()) for bit in range(64)]
    assert max(abs(share - 0.5) for share in shares) < 0.008


def test_no_column_is_refused_and_so_is_an_unknown_one():
    table = pa.table({"carrier": ["AA"]})
    with pytest.raises(InputError, match="at least one column"):
        row_hashes(table, [])
    with pytest.raises(InputError, match="Did you mean one of: carrier"):
        row_hashes(table.to_pandas(), ["carier"])


def test_a_column_of_mixed_types_is_refused_by_name():
    with pytest.raises(InputError, match="mixed="):
        row_hashes(pd.DataFrame({"mixed": [1, "a"]}), ["mixed"])
