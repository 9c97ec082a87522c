"""Which fields an object has, and which fields differ between two versions of it.

A field is a path of elements as in FieldsV1: `f:name` (entry of an object), `k:{...}` (item of a list with keys),
`v:...` (item of a set). These are the rules of the library structured-merge-diff that kube-apiserver uses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kfp_lifecycle.local.kubernetes_api.schema import ANYTHING, Schema, item_key, items_of, property_of, same, shape

Path = tuple[str, ...]
Fields = frozenset[Path]
ABSENT: Any = object()


@dataclass
class Comparison:
    """Fields that came, that changed their value and that went."""

    added: set[Path] = field(default_factory=set)
    modified: set[Path] = field(default_factory=set)
    removed: set[Path] = field(default_factory=set)

    @property
    def written(self) -> Fields:
        return frozenset(self.added | self.modified)

    @property
    def empty(self) -> bool:
        return not (self.added or self.modified or self.removed)


def field_set(value: Any, schema: Schema) -> Fields:
    """The fields that somebody who applies this value owns: leaves, list items and empty objects."""
    found: set[Path] = set()
    _collect(value, schema, (), found)
    return frozenset(found)


def _collect(value: Any, schema: Schema, path: Path, found: set[Path]) -> None:
    form = shape(schema, value)
    if form == "leaf":
        found.add(path)
    elif form == "map":
        for name, child in value.items():
            part, declared = property_of(schema, name)
            below = (*path, "f:" + name)
            _collect(child, part or ANYTHING, below, found)
            if not declared or child is None or child == {}:
                found.add(below)
    else:
        for item in value:
            below = (*path, item_key(schema, item))
            _collect(item, items_of(schema), below, found)
            found.add(below)


def compare(old: Any, new: Any, schema: Schema) -> Comparison:
    """What a write from `old` to `new` adds, modifies and removes, parents of new fields included."""
    out = Comparison()
    _compare(old, new, schema, (), out)
    return out


def _compare(old: Any, new: Any, schema: Schema, path: Path, out: Comparison) -> None:
    forms = {shape(schema, value) for value in (old, new) if value is not ABSENT}
    empty = all(value is ABSENT or not value for value in (old, new))
    if len(forms) > 1 or "leaf" in forms or empty:
        _compare_leaf(old, new, path, out)
        return
    if "map" in forms:
        for name in _union(old, new):
            part, _ = property_of(schema, name)
            _compare(_entry(old, name), _entry(new, name), part or ANYTHING, (*path, "f:" + name), out)
    else:
        left, right = _index(old, schema), _index(new, schema)
        for key in _union(left, right):
            _compare(left.get(key, ABSENT), right.get(key, ABSENT), items_of(schema), (*path, key), out)
    if old is ABSENT:
        out.added.add(path)
    elif new is ABSENT:
        out.removed.add(path)


def _compare_leaf(old: Any, new: Any, path: Path, out: Comparison) -> None:
    if old is ABSENT:
        out.added.add(path)
    elif new is ABSENT:
        out.removed.add(path)
    elif not same(old, new):
        out.modified.add(path)


def _entry(value: Any, name: str) -> Any:
    return ABSENT if value is ABSENT else value.get(name, ABSENT)


def _index(value: Any, schema: Schema) -> dict[str, Any]:
    return {} if value is ABSENT else {item_key(schema, item): item for item in value}


def _union(old: Iterable[str] | Any, new: Iterable[str] | Any) -> list[str]:
    names: dict[str, None] = {}
    for value in (old, new):
        if value is not ABSENT:
            names.update(dict.fromkeys(value))
    return list(names)
