"""Schemas of the served kinds and what they say about one value: its shape, its parts, its list keys.

The schema language is that of a CRD (OpenAPI v3 with the `x-kubernetes-` extensions). Equal parts of a large schema
are stored once and named by their number (`$ref`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal

from kfp_lifecycle.local.kubernetes_api.resources import KINDS, Kind

Schema = Mapping[str, Any]
Shape = Literal["map", "list", "leaf"]
ANYTHING: Schema = {"x-kubernetes-preserve-unknown-fields": True}
_FILES = {"InferenceService": "inference_service.json", "HTTPRoute": "httproute.json"}


def _read(name: str) -> Any:
    folder = resources.files("kfp_lifecycle.local.kubernetes_api").joinpath("schemas")
    return json.loads(folder.joinpath(name).read_text(encoding="utf-8"))


def _linked(node: Any, definitions: list[Any]) -> Any:
    """The schema with every `$ref` replaced by the shared part itself (no copies, no cycles)."""
    if isinstance(node, list):
        return [_linked(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        number = node["$ref"]
        if not isinstance(definitions[number], _Linked):
            definitions[number] = _Linked(_linked(definitions[number], definitions))
        return definitions[number]
    return {key: _linked(value, definitions) for key, value in node.items()}


class _Linked(dict[str, Any]):
    """A shared part whose own references are resolved already."""


@functools.cache
def schema_of(kind: Kind) -> Schema:
    """The schema of a whole object of this kind, metadata included."""
    core = _read("core.json")
    if kind.kind in _FILES:
        stored = _read(_FILES[kind.kind])
        root: dict[str, Any] = _linked(stored["schema"], stored["definitions"])
    else:
        own = core[kind.kind]
        root = {"type": "object", "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, **own}}
    return {**root, "properties": {**root["properties"], "metadata": core["ObjectMeta"]}}


def load_all() -> None:
    """Read every schema now, so that no request waits for it."""
    for kind in KINDS:
        schema_of(kind)


def shape(schema: Schema, value: Any) -> Shape:
    """How ownership sees this value: entries of their own ("map", "list") or one whole ("leaf")."""
    if isinstance(value, dict):
        return "leaf" if schema.get("x-kubernetes-map-type") == "atomic" else "map"
    if isinstance(value, list):
        return "list" if schema.get("x-kubernetes-list-type") in ("map", "set") else "leaf"
    return "leaf"


def property_of(schema: Schema, name: str) -> tuple[Schema | None, bool]:
    """Schema of one entry of an object, and whether it is a declared field (not the key of a free map).

    None when the schema does not know the entry and does not take unknown ones.
    """
    declared = schema.get("properties", {}).get(name)
    if declared is not None:
        return declared, True
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        return extra, False
    if extra is True or keeps_unknown(schema):
        return ANYTHING, False
    return None, False


def keeps_unknown(schema: Schema) -> bool:
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return True
    return schema.get("type") == "object" and "properties" not in schema and "additionalProperties" not in schema


def items_of(schema: Schema) -> Schema:
    found: Schema = schema.get("items", ANYTHING)
    return found


def item_key(schema: Schema, item: Any) -> str:
    """Path element of an item of an associative list: `k:{"name":"A"}` or `v:"x"`.

    Raises:
        KeyError: an item of a map list lacks a key that has no default.
    """
    if schema.get("x-kubernetes-list-type") == "set" or not isinstance(item, dict):
        return "v:" + canonical(item)
    keys: dict[str, Any] = {}
    for name in schema["x-kubernetes-list-map-keys"]:
        default = items_of(schema).get("properties", {}).get(name, {}).get("default")
        value = item.get(name, default)
        if value is None:
            raise KeyError(name)
        keys[name] = value
    return "k:" + canonical(keys)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal text means equal value and equal types."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 is neither 1.0 nor true."""
    return one is other or (one == other and canonical(one) == canonical(other))
