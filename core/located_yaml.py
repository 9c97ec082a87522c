"""YAML files that people write: read strictly, with the line of each value kept for error messages."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kfp_lifecycle.core.errors import InputError

_LARGEST_BYTES = 1 << 20
_LARGEST_VALUES = 100_000
_DEEPEST = 50

Location = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """Leaves dates as the texts that were written."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass
class LocatedYaml:
    """The content of a file.

    Attributes:
        path: as the caller named it.
        value: plain lists, mappings and scalars.
        lines: the line of each value, from 1, by its place such as ``("schedules", 0, "cron")``.
    """

    path: str
    value: Any = None
    lines: dict[Location, int] = field(default_factory=dict)

    def where(self, location: Location) -> str:
        """File, line and place in words; for a place that is not there, the line of what should hold it."""
        known = location
        while known and known not in self.lines:
            known = known[:-1]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
        return f"{self.path}:{self.lines.get(known, 1)}" + (f" {place}" if place else "")


def read_located(path: str | Path) -> LocatedYaml:
    """Read one YAML document of at most 1 MiB whose mappings have texts as keys, each once.

    Raises:
        InputError: names file and line of what is wrong.
    """
    try:
        content = Path(path).read_bytes()
        if len(content) > _LARGEST_BYTES:
            raise InputError(str(path), len(content), f"at most {_LARGEST_BYTES} bytes", "Split the file.")
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            str(path), type(error).__name__, "a readable file of UTF-8 text", "Check the path and its rights."
        ) from error
    found = LocatedYaml(str(path))
    try:
        # Its making refuses control characters.
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            found.value = None if node is None else _Reader(found, loader).value(node, ())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InputError(
            f"{path}:{mark.line + 1 if mark else 1}", error.problem, "valid YAML", "Repair this line or the one before."
        ) from error
    except yaml.YAMLError as error:
        raise InputError(str(path), str(error), "valid YAML", "Write plain text without control characters.") from error
    except RecursionError as error:
        raise InputError(str(path), "...", f"at most {_DEEPEST} levels", "Close the brackets.") from error
    return found


@dataclass
class _Reader:
    found: LocatedYaml
    loader: _Loader
    count: int = 0

    def value(self, node: yaml.Node, location: Location) -> Any:
        self.found.lines[location] = node.start_mark.line + 1
        self.count += 1
        # An alias repeats what it names, so that a short text may stand for very much, or for itself.
        if self.count > _LARGEST_VALUES or len(location) > _DEEPEST:
            raise InputError(
                self.found.where(location),
                "...",
                f"at most {_LARGEST_VALUES} values, {_DEEPEST} deep",
                "Write out what the aliases (*name) stand for.",
            )
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*location, number)) for number, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location)
        return self._scalar(node, location)

    def _scalar(self, node: yaml.Node, location: Location) -> Any:
        value = self._constructed(node, self.found.where(location))
        if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        raise InputError(
            self.found.where(location), value, "a text, a number, true, false or null", "Put it in quotes."
        )

    def _constructed(self, node: yaml.Node, where: str) -> Any:
        try:
            return self.loader.construct_object(node, deep=True)
        except (ValueError, LookupError, AttributeError) as error:
            # The library takes a value's tag, or its first characters, at their word: !!int x, 0x_, 5000 digits.
            raise InputError(
                where, node.value, "a text, a number, true, false or null", "Put it in quotes, without a tag."
            ) from error

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for key_node, item in node.value:
            line = f"{self.found.path}:{key_node.start_mark.line + 1}"
            key = self._constructed(key_node, line)
            if not isinstance(key, str):
                raise InputError(line, key, "a text before the colon", "Put it in quotes.")
            if key in content:
                raise InputError(line, key, "each name once", "Delete one of the two.")
            content[key] = self.value(item, (*location, key))
        return content
