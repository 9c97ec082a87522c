"""The YAML of packages, read as JSON: a short text must not stand for a huge value."""

from __future__ import annotations

import json
from typing import Any

import yaml

_MOST_VALUES = 500_000
_MOST_CHARACTERS = 8 << 20
_LONGEST_NUMBER = 100
_MERGE = "tag:yaml.org,2002:merge"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class _Loader(yaml.CSafeLoader):
    """Without merge keys, which unfold while they are read, and without numbers that take minutes to compute."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        if any(key.tag == _MERGE for key, _ in node.value):
            raise yaml.constructor.ConstructorError(None, None, "merge keys (<<) are not supported", node.start_mark)
        super().flatten_mapping(node)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        if node.tag in _NUMBERS and len(node.value) > _LONGEST_NUMBER:
            raise yaml.constructor.ConstructorError(None, None, "a number is too long", node.start_mark)
        return super().construct_scalar(node)


def documents(text: str) -> list[Any]:
    """The documents of a YAML text that are not empty, as JSON values.

    Raises:
        ValueError: it is no YAML, or holds what JSON has not: dates, infinities, other keys than text.
    """
    try:
        found = [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
        _bound(found)
        # Dates and such are no JSON, and no compiled pipeline holds them.
        return list(json.loads(json.dumps(found, allow_nan=False)))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(_first_line(error)) from error


def _bound(documents: list[Any]) -> None:
    """Refuse aliases that unfold to millions of values or characters."""
    waiting, values, characters = list(documents), 0, 0
    while waiting:
        value = waiting.pop()
        values += 1
        if values > _MOST_VALUES:
            raise ValueError(f"more than {_MOST_VALUES} values")
        if isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, list | tuple | set):
            waiting.extend(value)
        elif isinstance(value, str):
            characters += len(value)
            if characters > _MOST_CHARACTERS:
                raise ValueError(f"more than {_MOST_CHARACTERS} characters")


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
