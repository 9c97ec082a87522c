"""What happens to a body before it is looked at: unknown fields go, nulls go, defaults come. Pure."""

from __future__ import annotations

import copy
from typing import Any

from kfp_lifecycle.local.kubernetes_api.schema import Schema, items_of, property_of


def prune(value: Any, schema: Schema, unknown: list[str], path: str = "") -> Any:
    """A copy without fields that the schema does not know (their paths are added to `unknown`).

    A null is dropped too unless the schema allows it, as kube-apiserver does.
    """
    if isinstance(value, dict):
        kept = {}
        for name, child in value.items():
            part, _ = property_of(schema, name)
            below = f"{path}.{name}" if path else name
            if part is None:
                unknown.append(below)
            elif child is not None or part.get("nullable") or "properties" not in schema:
                kept[name] = prune(child, part, unknown, below)
        return kept
    if isinstance(value, list):
        return [prune(item, items_of(schema), unknown, f"{path}[{i}]") for i, item in enumerate(value)]
    return value


def undeclared(value: Any, schema: Schema, path: str = "") -> str:
    """Path of the first field that the schema does not know, spelled as an apply error spells it; or ""."""
    if isinstance(value, dict):
        for name, child in value.items():
            part, _ = property_of(schema, name)
            if part is None:
                return f"{path}.{name}"
            found = undeclared(child, part, f"{path}.{name}")
            if found:
                return found
    elif isinstance(value, list):
        for i, item in enumerate(value):
            found = undeclared(item, items_of(schema), f"{path}[{i}]")
            if found:
                return found
    return ""


def fill_defaults(value: Any, schema: Schema) -> Any:
    """A copy with the defaults of the schema wherever the parent is present."""
    if isinstance(value, dict):
        filled = {}
        for name, child in value.items():
            part, _ = property_of(schema, name)
            filled[name] = fill_defaults(child, part) if part is not None else child
        for name, part in schema.get("properties", {}).items():
            if "default" in part and name not in filled:
                filled[name] = copy.deepcopy(part["default"])
        return filled
    if isinstance(value, list):
        return [fill_defaults(item, items_of(schema)) for item in value]
    return value
