"""Messages of requests, in either of the two name styles that proto JSON allows."""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.local.kfp_api import errors

LONGEST_NAME = 128
# What sqlite and the clients' integers hold.
_LARGEST = 1 << 63


def parsed(raw: bytes) -> dict[str, Any]:
    """The body's message, its own names in snake_case; those of nested messages stay as they are.

    Raises:
        ApiError: 400, it is no JSON object.
    """
    try:
        found = loaded(raw)
    except ValueError as error:
        raise errors.invalid(f"the body is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise errors.invalid("the body is no JSON object")
    return snake_case(found)


def loaded(raw: bytes | str) -> Any:
    """The JSON value of a text from outside.

    Raises:
        ValueError: it is none, is nested too deeply, holds a number that is none in JSON, or holds half of a surrogate
            pair, which no database takes.
    """
    try:
        found = json.loads(raw, parse_constant=_refuse, parse_float=_finite)
        json.dumps(found, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return found


def snake_case(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message with the names of its own fields in snake_case."""
    return {_snake(name): value for name, value in message.items()}


def nested(message: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A message inside of one; empty if it is missing.

    Raises:
        ApiError: 400, it is no object.
    """
    found = message.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise errors.invalid(f"{name} is no object")
    return snake_case(found)


def spec(message: Mapping[str, Any]) -> dict[str, Any]:
    """The ``pipeline_spec`` field, with its own names as they are.

    Raises:
        ApiError: 400, it is missing or no object.
    """
    found = message.get("pipeline_spec")
    if not isinstance(found, dict):
        raise errors.invalid("pipeline_spec is missing or no object")
    return found


def text(message: Mapping[str, Any], name: str) -> str:
    """A text field; empty if it is missing.

    Raises:
        ApiError: 400, it is no text.
    """
    found = message.get(name)
    if found is None:
        return ""
    if not isinstance(found, str) or "\0" in found:
        raise errors.invalid(f"{name} is no text")
    return found


def name(message: Mapping[str, Any], field: str) -> str:
    """A text field that names something.

    Raises:
        ApiError: 400, it is missing, blank or too long.
    """
    found = text(message, field)
    if not found.strip() or len(found) > LONGEST_NAME:
        raise errors.invalid(f"{field} must have 1 to {LONGEST_NAME} characters, not {len(found.strip())}")
    return found


def whole(message: Mapping[str, Any], field: str) -> int:
    """A whole number, given as a number or, as proto JSON does for 64 bits, as text; 0 if it is missing.

    Raises:
        ApiError: 400, it is something else.
    """
    found = message.get(field)
    if found is None:
        return 0
    if isinstance(found, int) and not isinstance(found, bool) and -_LARGEST <= found < _LARGEST:
        return found
    if isinstance(found, str) and re.fullmatch(r"-?[0-9]{1,18}", found):
        return int(found)
    raise errors.invalid(f"{field} is no whole number of 64 bits: {str(found)[:100]!r}")


def flag(message: Mapping[str, Any], field: str) -> bool:
    """A boolean; False if it is missing.

    Raises:
        ApiError: 400, it is something else.
    """
    found = message.get(field)
    if found is None or isinstance(found, bool):
        return bool(found)
    raise errors.invalid(f"{field} is neither true nor false")


@functools.lru_cache(maxsize=1024)
def _snake(camel: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: "_" + match[1].lower(), camel)


def _finite(text: str) -> float:
    # 1e400 would be read as infinity, which could be stored but never told again.
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(f"the number {text[:100]} is too large")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
