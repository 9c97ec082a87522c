"""Merging an applied configuration into an object, and taking fields out of an object."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.local.kubernetes_api.comparison import ABSENT
from kfp_lifecycle.local.kubernetes_api.fieldsets import is_member
from kfp_lifecycle.local.kubernetes_api.schema import ANYTHING, Schema, item_key, items_of, property_of, shape


def merge(live: Any, config: Any, schema: Schema) -> Any:
    """`live` with everything that `config` says; lists without keys are replaced as a whole."""
    if config is ABSENT:
        return copy.deepcopy(live)
    if live is ABSENT:
        return copy.deepcopy(config)
    form = shape(schema, config)
    if form == "leaf" or shape(schema, live) != form:
        return copy.deepcopy(config)
    if form == "map":
        merged = {}
        for name in {**live, **config}:
            part, _ = property_of(schema, name)
            merged[name] = merge(live.get(name, ABSENT), config.get(name, ABSENT), part or ANYTHING)
        return merged
    return _merge_lists(live, config, schema)


def _merge_lists(live: list[Any], config: list[Any], schema: Schema) -> list[Any]:
    """Items by key. The order of the configuration rules for its own items, others keep their place.

    This is the walk of structured-merge-diff: items that only the live list has are taken where they
    stand; an item that both have comes at the place where the configuration has it.
    """
    left = [(item_key(schema, item), item) for item in live]
    right = [(item_key(schema, item), item) for item in config]
    in_left, in_right = dict(left), dict(right)
    shared = [key for key, _ in right if key in in_left]
    done: set[str] = set()
    out: list[Any] = []
    i = j = 0

    def take(key: str) -> None:
        out.append(merge(in_left.get(key, ABSENT), in_right.get(key, ABSENT), items_of(schema)))
        done.add(key)
        if shared and shared[0] == key:
            shared.pop(0)

    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right):
            key = left[i][0]
            if key == right[j][0]:
                take(key)
                i, j = i + 1, j + 1
                continue
            if key in in_right and shared and shared[0] != key:
                i += 1
                continue
        if i < len(left):
            key, item = left[i]
            if key not in in_right:
                out.append(copy.deepcopy(item))
                i += 1
                continue
            if key in done:
                i += 1
        if j < len(right):
            take(right[j][0])
            j += 1
    return out


def remove(value: Any, schema: Schema, fields: Mapping[str, Any]) -> Any:
    """`value` without the members of a FieldsV1 tree; objects that become empty stay as `{}`."""
    form = shape(schema, value)
    if form == "map":
        kept = {}
        for name, child in value.items():
            node = fields.get("f:" + name)
            if node is None:
                kept[name] = child
            elif not is_member(node):
                kept[name] = remove(child, property_of(schema, name)[0] or ANYTHING, node)
        return kept
    if form == "list":
        items = []
        for item in value:
            node = fields.get(item_key(schema, item))
            if node is None:
                items.append(item)
            elif not is_member(node):
                items.append(remove(item, items_of(schema), node))
        return items
    return value
