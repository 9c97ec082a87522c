"""Values as JSON bodies hold them: their types, and the columns they make."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.components.collection.csv_files import merge_types
from kfp_lifecycle.core.logged_rows import class_text

if TYPE_CHECKING:
    import pyarrow as pa

_LARGEST = 2**63
_LONGEST_TEXT = 1 << 16


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


def type_of(values: Sequence[Any]) -> pa.DataType:
    """The narrowest type that holds the values; of values that share none it is text."""
    import pyarrow as pa

    kinds = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string(), type(None): pa.null()}
    kind = pa.null()
    for found in set(map(type, values)):
        kind = merge_types(kind, kinds[found])
    return kind


def fitted(values: Sequence[Any], kind: pa.DataType) -> list[Any]:
    """The values as ``kind`` holds them, by the rules of ``type_of``: where types were mixed, each becomes text.

    Raises:
        Malformed: a value does not fit.
    """
    import pyarrow.types as types

    if types.is_string(kind):
        return [value if value is None or isinstance(value, str) else class_text(value) for value in values]
    plain = {"bool": bool, "int64": int, "double": int | float}.get(str(kind), type(None))
    for value in values:
        if value is not None and (not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool)):
            raise Malformed(f"{value!r:.80} is no {kind}, as the column's other values are")
    return [None if value is None else float(value) for value in values] if types.is_float64(kind) else list(values)


def _large(value: int, name: str) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise Malformed(f"{name[:80]!r} holds a number beyond any float") from error
