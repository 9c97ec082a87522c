"""Values as JSON bodies hold them: their types, and the columns they make."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from functools import cache, reduce
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.components.collection.csv_files import merge_types
from kfp_lifecycle.core.logged_rows import class_text

if TYPE_CHECKING:
    import pyarrow as pa

_LARGEST = 2**63
_LONGEST_TEXT = 1 << 16
# As the predictor has it: 1 to 128 printable characters, the outer ones no spaces.
_REQUEST_ID = re.compile(r"[!-~](?:[ -~]{0,126}[!-~])?")
# What needs no conversion, by the name of the column's type.
_PLAIN: dict[str, set[type]] = {"bool": {bool}, "int64": {int}, "double": {float}, "string": {str}, "null": set()}


class Malformed(ValueError):
    """A record that is not what its format says; it is counted, told and left out."""


class NoPrediction(ValueError):
    """A record of something other than a prediction, such as a request for metadata; it is passed over."""


def parse_json(text: bytes | str) -> Any:
    """A JSON document; raises ``Malformed`` for what is none, or is nested too deeply to be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"no JSON: {error}") from error


def checked_value(value: Any, name: str) -> bool | int | float | str | None:
    """A cell: not a number becomes None, a whole number beyond 64 bits a float.

    Raises:
        Malformed: a list, an object, an endless text, or a text that UTF-8 cannot spell.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_LARGEST <= value < _LARGEST else _large(value, name)
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, str):
        return checked_text(value, name)
    raise Malformed(f"{name[:80]!r} holds a {type(value).__name__}: expected a number, a text, true, false or null")


def checked_text(value: str, name: str) -> str:
    """A text of bounded length that can be stored."""
    if len(value) > _LONGEST_TEXT:
        raise Malformed(f"{name[:80]!r} holds a text of {len(value)} characters: expected at most {_LONGEST_TEXT}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Malformed(f"{name[:80]!r} holds a text that is not Unicode") from error
    return value


def usable_id(given: Any) -> str | None:
    """The id if it is one by the rule of the predictor, else None."""
    return given if isinstance(given, str) and _REQUEST_ID.fullmatch(given) else None


def type_of(values: Sequence[Any]) -> pa.DataType:
    """The narrowest type that holds the values; of values that share none it is text."""
    return _type_of(frozenset(map(type, values)))


@cache
def _type_of(found: frozenset[type]) -> pa.DataType:
    import pyarrow as pa

    kinds = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string(), type(None): pa.null()}
    return reduce(merge_types, (kinds[each] for each in found), pa.null())


def fitted(name: str, values: list[Any], kind: pa.DataType) -> list[Any]:
    """The values as ``kind`` holds them, by the rules of ``type_of``: where types were mixed, each becomes text.

    Raises:
        Malformed: a value does not fit; it is told by its type, as it may be of a person.
    """
    wanted = str(kind)
    found = set(map(type, values)) - {type(None)}
    if found <= _PLAIN[wanted]:
        return values
    if wanted == "string":
        return [value if value is None else class_text(value) for value in values]
    if wanted == "double" and found <= {int, float}:
        return [None if value is None else float(value) for value in values]
    other = next(value for value in values if value is not None and type(value) not in _PLAIN[wanted])
    raise Malformed(f"{name[:80]!r} holds a {type(other).__name__}: expected a {kind}, as its other values are")


def _large(value: int, name: str) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise Malformed(f"{name[:80]!r} holds a number beyond any float") from error
