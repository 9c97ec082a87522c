"""Checks of a request's values against the model's signature, column by column.

A column is accepted by a few passes that run in C (the set of its types, its smallest and largest value), so a
good request pays microseconds. Only a column that fails is looked at value by value, to name the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.serving.refusal import BAD_VALUES, Refusal, shown

if TYPE_CHECKING:
    from kfp_lifecycle.core.model import Column, Signature

Values = Sequence[Any]

# Many estimators (all trees of scikit-learn) compute in 32-bit floats, which end at 3.4e38, often after scaling.
LARGEST_NUMBER = 1e30
_LARGEST_INTEGER = 2**63 - 1
_SMALLEST_INTEGER = -(2**63)
# Above this a float no longer holds every integer, so 3.0 may stand for 3 only below it.
_LARGEST_EXACT = 2.0**53

_NONE = type(None)
_EXPECTED = {
    "number": f"a finite number of at most {LARGEST_NUMBER:g} in size",
    "integer": "an integer of at most 64 bits",
    "boolean": "true or false",
    "category": "a string",
}


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and -LARGEST_NUMBER <= value <= LARGEST_NUMBER  # type: ignore[operator]


def _is_integer(value: object) -> bool:
    if type(value) is float:
        return -_LARGEST_EXACT <= value <= _LARGEST_EXACT and value.is_integer()
    return type(value) is int and _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER


def _is_boolean(value: object) -> bool:
    return type(value) is bool


def _is_category(value: object) -> bool:
    return type(value) is str


_IS: dict[str, Callable[[object], bool]] = {
    "number": _is_number,
    "integer": _is_integer,
    "boolean": _is_boolean,
    "category": _is_category,
}


def _numbers_pass(values: Values, kinds: set[type]) -> bool:
    # The sum catches a NaN, which smallest and largest may step over.
    return (
        kinds <= {int, float}
        and min(values) >= -LARGEST_NUMBER
        and max(values) <= LARGEST_NUMBER
        and (total := sum(values)) == total
    )


def _integers_pass(values: Values, kinds: set[type]) -> bool:
    if kinds == {int}:
        return bool(min(values) >= _SMALLEST_INTEGER and max(values) <= _LARGEST_INTEGER)
    return kinds <= {int, float} and all(map(_is_integer, values))


def _booleans_pass(values: Values, kinds: set[type]) -> bool:
    return kinds == {bool}


def _categories_pass(values: Values, kinds: set[type]) -> bool:
    return kinds == {str}


_PASS: dict[str, Callable[[Values, set[type]], bool]] = {
    "number": _numbers_pass,
    "integer": _integers_pass,
    "boolean": _booleans_pass,
    "category": _categories_pass,
}


def passes(column: Column, values: Values) -> bool:
    """Whether every value suits the column; the fast test that a good request pays for."""
    kinds = set(map(type, values))
    if _NONE in kinds:
        if not column.nullable:
            return False
        kinds.discard(_NONE)
        if not kinds:
            return True
        values = [value for value in values if value is not None]
    return _PASS[column.type](values, kinds)


def first_fault(column: Column, values: Values) -> Refusal | None:
    """The refusal that names the first row whose value does not suit the column; None when every row does."""
    suits = _IS[column.type]
    for row, value in enumerate(values):
        if value is None:
            if column.nullable:
                continue
            return Refusal(
                f"column {column.name!r}, row {row}: null, but the column takes no missing values", BAD_VALUES
            )
        if not suits(value):
            return Refusal(
                f"column {column.name!r}, row {row}: {shown(value)} is not {_EXPECTED[column.type]}", BAD_VALUES
            )
    return None


def check_columns(signature: Signature, columns: Iterable[Values]) -> None:
    """Refuse values that the model was not trained to take.

    Args:
        signature: the model's columns, in its order.
        columns: the values of each, in the same order.

    Raises:
        Refusal: 422, naming the first column and row at fault.
    """
    for column, values in zip(signature.columns, columns, strict=True):
        if not passes(column, values):
            fault = first_fault(column, values)
            if fault is None:
                raise AssertionError(f"column {column.name!r}: the two tests of its values disagree")
            raise fault
