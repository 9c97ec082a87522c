"""Filters of lists: the JSON of KFP's ``Filter`` message, and the SQL condition that it stands for.

As in KFP (``backend/src/apiserver/filter/filter.go``) all predicates must hold and texts compare without case; here
that is the case of the letters A to Z.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.local.kfp_api import errors, moments
from kfp_lifecycle.local.kfp_api.columns import Column, Listing
from kfp_lifecycle.local.kfp_api.messages import loaded, snake_case

LARGEST_FILTER = 65_536
_MOST_PREDICATES = 50
# kfp.Client sends the numbers of the enumeration.
_OPERATIONS = {
    1: "EQUALS",
    2: "NOT_EQUALS",
    3: "GREATER_THAN",
    5: "GREATER_THAN_EQUALS",
    6: "LESS_THAN",
    7: "LESS_THAN_EQUALS",
    8: "IN",
    9: "IS_SUBSTRING",
}
_COMPARISONS = {
    "EQUALS": "=",
    "NOT_EQUALS": "<>",
    "GREATER_THAN": ">",
    "GREATER_THAN_EQUALS": ">=",
    "LESS_THAN": "<",
    "LESS_THAN_EQUALS": "<=",
}
_SCALARS = ("string_value", "int_value", "long_value", "timestamp_value")
_LISTS = ("string_values", "int_values", "long_values")


def condition(text: str, listing: Listing) -> tuple[str, list[Any]]:
    """SQL and its values; "1" for an empty filter.

    Raises:
        ApiError: 400, the filter is wrong.
    """
    if not text:
        return "1", []
    parts, values = [], []
    for predicate in _predicates(text):
        sql, used = _compared(predicate, listing)
        parts.append(sql)
        values += used
    return " AND ".join(parts) or "1", values


def _predicates(text: str) -> list[Any]:
    if len(text) > LARGEST_FILTER:
        raise errors.invalid(f"the filter is longer than {LARGEST_FILTER} characters")
    try:
        # Some clients encode it once more than the query needs.
        found = loaded(urllib.parse.unquote(text) if text.startswith("%") else text)
    except ValueError as error:
        raise errors.invalid(f"the filter is no JSON: {error}") from error
    predicates = found.get("predicates", []) if isinstance(found, dict) else None
    if not isinstance(predicates, list) or len(predicates) > _MOST_PREDICATES:
        raise errors.invalid(f'the filter must be {{"predicates": [...]}} with at most {_MOST_PREDICATES} predicates')
    return predicates


def _compared(given: Any, listing: Listing) -> tuple[str, list[Any]]:
    if not isinstance(given, Mapping):
        raise errors.invalid("a predicate of the filter is no object")
    predicate = snake_case(given)
    asked = predicate.get("operation")
    operation = _OPERATIONS.get(asked, "") if isinstance(asked, int) else str(asked)
    if operation not in _OPERATIONS.values():
        raise errors.invalid(f"invalid predicate operation: {str(asked)[:100]!r}")
    key = predicate.get("key")
    column = listing.columns.get(key) if isinstance(key, str) else None
    if column is None:
        raise errors.invalid(
            f"no support for filtering a {listing.unit} on unrecognized field {key!r}; "
            f"known are {', '.join(sorted(listing.columns))}"
        )
    names = [name for name in (*_SCALARS, *_LISTS) if predicate.get(name) is not None]
    if len(names) != 1:
        raise errors.invalid(f"the predicate on {key!r} needs one value, for example string_value")
    [name] = names
    value = predicate[name]
    if operation == "IN":
        return _in(column, name, value, str(key))
    if name in _LISTS:
        raise errors.invalid(f"cannot use scalar operator {operation} on {name}")
    if operation == "IS_SUBSTRING":
        if name != "string_value":
            raise errors.invalid(f"cannot use {name} with operator IS_SUBSTRING")
        return f"INSTR(LOWER({column.sql}), LOWER(?)) > 0", [_typed(column, name, value, str(key))]
    return _side(column, _COMPARISONS[operation]), [_typed(column, name, value, str(key))]


def _in(column: Column, name: str, value: Any, key: str) -> tuple[str, list[Any]]:
    if name not in _LISTS:
        raise errors.invalid(f"cannot use IN operator with {name}")
    listed = value.get("values", []) if isinstance(value, Mapping) else None
    if not isinstance(listed, list):
        raise errors.invalid(f'{name} must be {{"values": [...]}}')
    if not listed:
        return "0", []
    typed = [_typed(column, name[:-1], item, key) for item in listed]
    # One value for all of them: sqlite bounds the depth of an expression and the number of its values.
    listed_sql = f"SELECT {_compared_as(column, 'value')} FROM json_each(?)"
    return f"{_compared_as(column, column.sql)} IN ({listed_sql})", [json.dumps(typed, ensure_ascii=False)]


def _side(column: Column, comparison: str) -> str:
    return f"{_compared_as(column, column.sql)} {comparison} {_compared_as(column, '?')}"


def _compared_as(column: Column, sql: str) -> str:
    # Times are shown in milliseconds, and what was shown must be found.
    return f"LOWER({sql})" if column.kind == "text" else f"ROUND({sql}, 3)"


def _typed(column: Column, name: str, value: Any, key: str) -> Any:
    """The value as its column needs it; longs travel as text in proto JSON."""
    try:
        if name == "string_value" and column.kind == "text" and isinstance(value, str):
            return value
        if name == "timestamp_value" and column.kind == "time" and isinstance(value, str):
            return moments.parsed(value)
        if name in ("int_value", "long_value") and column.kind != "text" and not isinstance(value, bool | float):
            number = int(value)
            if abs(number) < 1 << 63:
                return float(number)
    except (ValueError, TypeError, OverflowError) as error:
        raise errors.invalid(f"{name} of the predicate on {key!r} is wrong: {error}") from error
    raise errors.invalid(f"cannot compare {key!r} ({column.kind}) with {name} {str(value)[:100]!r}")
