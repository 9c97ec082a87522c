from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.model import Column
from kfp_lifecycle.serving.input_checks import first_fault, passes

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.just([]),
    st.just({}),
    st.sampled_from([2**63, 2**63 - 1, -(2**63), 2.0**53, 2.0**53 + 2, 1e30, 1.1e30, -1e31, 3.0, 3.5]),
)
COLUMNS = [
    Column("x", kind, nullable)  # type: ignore[arg-type]
    for kind in ("number", "integer", "boolean", "category")
    for nullable in (True, False)
]


@given(column=st.sampled_from(COLUMNS), values=st.lists(ANYTHING, min_size=1, max_size=6))
def test_the_fast_test_accepts_exactly_what_the_slow_one_finds_no_fault_in(column: Column, values: list[Any]) -> None:
    assert passes(column, values) == (first_fault(column, values) is None)


@given(
    column=st.sampled_from(COLUMNS),
    values=st.lists(st.one_of(st.integers(), st.floats(width=16), st.booleans(), st.text(max_size=2)), min_size=1),
)
def test_the_two_tests_agree_on_columns_of_likely_values(column: Column, values: list[Any]) -> None:
    same = [value for value in values if type(value) is type(values[0])]
    assert passes(column, same) == (first_fault(column, same) is None)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(("number", value) for value in ("3", True, [], {}, math.nan, math.inf, -math.inf, 1e31)),
        *(("integer", value) for value in ("3", True, 3.5, 2**63, -(2**63) - 1, 1e19, math.nan, math.inf)),
        *(("boolean", value) for value in (0, 1, "true", 1.0)),
        *(("category", value) for value in (0, 1.5, True, ["a"])),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_column_and_row(kind: Any, value: Any) -> None:
    good = {"number": 1.5, "integer": 1, "boolean": True, "category": "a"}[kind]
    column = Column("distance", kind, False)
    assert not passes(column, [good, value])
    fault = first_fault(column, [good, value])
    assert fault is not None
    assert fault.status == 422
    assert "column 'distance', row 1" in fault.message


@pytest.mark.parametrize("kind", ["number", "integer", "boolean", "category"])
def test_null_is_taken_by_a_nullable_column_alone(kind: Any) -> None:
    assert passes(Column("x", kind, True), [None, None])
    fault = first_fault(Column("x", kind, False), [None])
    assert fault is not None
    assert "row 0: null" in fault.message


def test_a_whole_number_written_as_a_float_is_an_integer() -> None:
    assert passes(Column("hour", "integer", False), [3, 4.0])


def test_a_long_value_is_shortened_in_the_message() -> None:
    fault = first_fault(Column("distance", "number", False), ["x" * 10_000])
    assert fault is not None
    assert len(fault.message) < 200
