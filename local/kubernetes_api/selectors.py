"""Label and field selectors: parsing and matching. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r"\s*(==|!=|[=!,()<>]|[^\s=!,()<>]+)")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
Labels = Mapping[str, str]


class SelectorError(ValueError):
    """A selector that does not parse."""


@dataclass(frozen=True)
class Requirement:
    """One part of a label selector; operator is `in`, `notin`, `exists`, `absent`, `gt` or `lt`."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Labels) -> bool:
        value = labels.get(self.key)
        if self.operator == "exists":
            return value is not None
        if self.operator == "absent":
            return value is None
        if self.operator == "in":
            return value in self.values
        if self.operator == "notin":
            return value not in self.values
        (bound,) = self.values
        if value is None or not value.lstrip("-").isdigit():
            return False
        return int(value) > int(bound) if self.operator == "gt" else int(value) < int(bound)


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """The requirements of a labelSelector; all must hold.

    Raises:
        SelectorError: the text does not parse.
    """
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise SelectorError(f"unable to parse requirement: {text!r}")
    requirements = []
    while tokens:
        requirements.append(_requirement(tokens))
        if tokens and tokens.pop(0) != ",":
            raise SelectorError(f"found unexpected text in {text!r}, expected: ',' or 'end of string'")
    return tuple(requirements)


def _requirement(tokens: list[str]) -> Requirement:
    first = tokens.pop(0)
    if first == "!":
        return Requirement(_key(tokens.pop(0) if tokens else ""), "absent")
    key = _key(first)
    if not tokens or tokens[0] == ",":
        return Requirement(key, "exists")
    operator = tokens.pop(0)
    if operator in ("=", "=="):
        return Requirement(key, "in", frozenset({_value(tokens)}))
    if operator == "!=":
        return Requirement(key, "notin", frozenset({_value(tokens)}))
    if operator in ("<", ">"):
        bound = _value(tokens)
        if not bound.lstrip("-").isdigit():
            raise SelectorError(f"for 'Gt', 'Lt' operators, the value must be an integer: {bound!r}")
        return Requirement(key, "gt" if operator == ">" else "lt", frozenset({bound}))
    if operator in ("in", "notin"):
        return Requirement(key, operator, _values(tokens))
    raise SelectorError(f"unable to parse requirement: found {operator!r}, expected: in, notin, =, ==, !=, gt, lt")


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise SelectorError(f"unable to parse requirement: invalid label key {text!r}")
    return text


def _value(tokens: list[str]) -> str:
    return tokens.pop(0) if tokens and tokens[0] != "," else ""


def _values(tokens: list[str]) -> frozenset[str]:
    found = ""
    if tokens and tokens.pop(0) == "(":
        values: set[str] = set()
        while tokens:
            found = tokens.pop(0)
            if found == ")":
                return frozenset(values or {""})
            if found != ",":
                values.add(found)
        found = ""
    raise SelectorError(f"unable to parse requirement: found {found!r}, expected: ',', ')' or identifier")


def parse_fields(text: str) -> tuple[tuple[str, bool, str], ...]:
    """(field, wanted, value) per part of a fieldSelector; `wanted` is False for `!=`.

    Raises:
        SelectorError: the text does not parse.
    """
    parts = []
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", part)
        if not match:
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{part}'")
        parts.append((match[1], match[2] != "!=", match[3]))
    return tuple(parts)


def field_value(obj: Mapping[str, Any], path: str) -> str:
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)


def matcher(labels: str, fields: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether an object is selected by both selectors (empty ones select everything)."""
    requirements, parts = parse_labels(labels), parse_fields(fields)

    def matches(obj: Mapping[str, Any]) -> bool:
        own: Labels = obj["metadata"].get("labels") or {}
        return all(requirement.matches(own) for requirement in requirements) and all(
            (field_value(obj, path) == value) == wanted for path, wanted, value in parts
        )

    return matches
