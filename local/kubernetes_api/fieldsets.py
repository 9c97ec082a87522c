"""Sets of fields as FieldsV1, the tree that metadata.managedFields holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kfp_lifecycle.local.kubernetes_api.comparison import Fields, Path
from kfp_lifecycle.local.kubernetes_api.schema import ANYTHING, Schema, items_of, property_of


def to_tree(fields: Iterable[Path]) -> dict[str, Any]:
    """FieldsV1: a member without members below is `{}`, one with members below has the entry "."."""
    tree: dict[str, Any] = {}
    members = sorted(fields)
    for path in members:
        node = tree
        for element in path:
            node = node.setdefault(element, {})
    for path in members:
        node = tree
        for element in path:
            node = node[element]
        if node:
            node["."] = {}
    return tree


def from_tree(tree: Mapping[str, Any]) -> Fields:
    found: set[Path] = set()
    _walk(tree, (), found)
    return frozenset(found)


def _walk(tree: Mapping[str, Any], path: Path, found: set[Path]) -> None:
    for element, below in tree.items():
        if element == ".":
            continue
        here = (*path, element)
        if is_member(below):
            found.add(here)
        _walk(below, here, found)


def is_member(node: Mapping[str, Any]) -> bool:
    """Whether a node of the tree stands for a member and not only for the way to one."""
    return not node or "." in node


def with_parents(fields: Iterable[Path], schema: Schema) -> Fields:
    """The set plus each declared field on the way to a member.

    Who gave up the last field below `spec.predictor.model` gave up `model` too, so that no empty shell is left;
    keys of free maps and list items are not added, they are members of their own.
    """
    found: set[Path] = set()
    for path in fields:
        found.add(path)
        part: Schema = schema
        for depth, element in enumerate(path[:-1], start=1):
            if element.startswith("f:"):
                child, declared = property_of(part, element[2:])
                if declared:
                    found.add(path[:depth])
                part = child or ANYTHING
            else:
                part = items_of(part)
    return frozenset(found)


def spell(path: Path) -> str:
    """A path as messages show it: `.spec.predictor.model.env[name="A"].value`."""
    text = ""
    for element in path:
        if element.startswith("f:"):
            text += "." + element[2:]
        elif element.startswith("k:"):
            keys = json.loads(element[2:])
            text += "[" + ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(keys.items())) + "]"
        elif element.startswith("v:"):
            text += f"[={element[2:]}]"
        else:
            text += f"[{element[2:]}]"
    return text
