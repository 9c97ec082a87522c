"""Texts with lookups such as ``{labels.model}``: the only thing that a mapping can do with an event.

There is no code, no default and no format in them, and what an event says is never read as a template again.
``{{`` and ``}}`` stand for braces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_-]+)*")


class TemplateError(ValueError):
    """The text is no template; the message says why."""


class LookupFailed(ValueError):
    """The event does not have what a template wants of it."""


@dataclass(frozen=True)
class Template:
    """A parsed text.

    Attributes:
        parts: literal texts, and lookups as tuples of names.
    """

    parts: tuple[str | tuple[str, ...], ...]

    @property
    def lookups(self) -> tuple[tuple[str, ...], ...]:
        """What it wants of an event."""
        return tuple(part for part in self.parts if isinstance(part, tuple))


def parse(text: str) -> Template:
    """Read a template.

    Raises:
        TemplateError: a brace without its pair, or a lookup that is no path of names.
    """
    parts: list[str | tuple[str, ...]] = []
    for match in _TOKEN.finditer(text):
        token, path = match.group(), match.group(1)
        if path is not None:
            if not _PATH.fullmatch(path):
                raise TemplateError(f"{token!r} is no lookup: write for example {{labels.model}}")
            parts.append(tuple(path.split(".")))
        elif token in ("{", "}"):
            raise TemplateError(f"a brace without its pair: write {token * 2} for the character itself")
        else:
            parts.append(token[0] if token in ("{{", "}}") else token)
    return Template(tuple(parts))


def value(template: Template, fields: Mapping[str, Any]) -> Any:
    """What the template stands for: the found value itself if it is one lookup and nothing else, else a text.

    Raises:
        LookupFailed: the event lacks something, or a text would need a list or an object in it.
    """
    if len(template.parts) == 1 and isinstance(template.parts[0], tuple):
        return _found(template.parts[0], fields)
    return "".join(texts(template, fields))


def texts(template: Template, fields: Mapping[str, Any]) -> list[str]:
    """Literals and found values, one after the other.

    Raises:
        LookupFailed: as ``value``.
    """
    return [part if isinstance(part, str) else _text(part, _found(part, fields)) for part in template.parts]


def _found(path: tuple[str, ...], fields: Mapping[str, Any]) -> Any:
    found: Any = fields
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            raise LookupFailed(f"the event has no {'.'.join(path)}")
        found = found[name]
    if found is None:
        raise LookupFailed(f"{'.'.join(path)} of the event is null")
    return found


def _text(path: tuple[str, ...], found: Any) -> str:
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, int | float):
        return repr(found)
    raise LookupFailed(f"{'.'.join(path)} of the event is no text and no number")
