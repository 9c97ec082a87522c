"""A value against the schema of its custom kind: every reason why it is refused. Pure."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from typing import Any

from kfp_lifecycle.local.kubernetes_api.errors import Cause
from kfp_lifecycle.local.kubernetes_api.fieldsets import spell
from kfp_lifecycle.local.kubernetes_api.schema import Schema, item_key, items_of, property_of

_JSON_TYPES = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


def json_type(value: Any) -> str:
    return _JSON_TYPES[type(value)]


def causes(value: Any, schema: Schema, path: str = "") -> Iterator[Cause]:
    """Why the schema refuses the value; nothing when it does not."""
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, int | str) or isinstance(value, bool):
            yield _wrong_type(value, "integer,string", path)
            return
    elif not _has_type(value, schema):
        yield from _type_causes(value, schema, path)
        return
    if isinstance(value, dict):
        yield from _object_causes(value, schema, path)
    elif isinstance(value, list):
        yield from _list_causes(value, schema, path)
    else:
        yield from _scalar_causes(value, schema, path)


def _has_type(value: Any, schema: Schema) -> bool:
    wanted = schema.get("type")
    if wanted is None or (value is None and schema.get("nullable")):
        return True
    found = json_type(value)
    return found == wanted or (wanted == "number" and found == "integer")


def _type_causes(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    if schema["type"] == "integer" and isinstance(value, float):
        # The real server words a fraction in two causes, one of them without a field.
        kind = schema.get("format", "int64")
        yield Cause(
            "FieldValueTypeInvalid", f'Invalid value: "float64": {path} in body must be of type {kind}: "float64"', path
        )
        yield Cause(
            "FieldValueInvalid",
            f'Invalid value: "": Checked value must be of type integer with format {kind} in {path}',
            "<nil>",
        )
    else:
        yield _wrong_type(value, schema["type"], path)


def _wrong_type(value: Any, wanted: str, path: str) -> Cause:
    found = json_type(value)
    return Cause(
        "FieldValueTypeInvalid", f'Invalid value: "{found}": {path} in body must be of type {wanted}: "{found}"', path
    )


def _object_causes(value: dict[str, Any], schema: Schema, path: str) -> Iterator[Cause]:
    for name in schema.get("required", ()):
        if name not in value:
            yield Cause("FieldValueRequired", "Required value", f"{path}.{name}" if path else name)
    for name, child in value.items():
        part, _ = property_of(schema, name)
        if part is not None:
            yield from causes(child, part, f"{path}.{name}" if path else name)


def _list_causes(value: list[Any], schema: Schema, path: str) -> Iterator[Cause]:
    if len(value) < schema.get("minItems", 0):
        yield _refused(value, f"{path} in body should have at least {schema['minItems']} items", path)
    if len(value) > schema.get("maxItems", len(value)):
        yield Cause("FieldValueTooMany", f"Too many: {len(value)}: must have at most {schema['maxItems']} items", path)
    seen: set[str] = set()
    for i, item in enumerate(value):
        below = f"{path}[{i}]"
        yield from causes(item, items_of(schema), below)
        if schema.get("x-kubernetes-list-type") in ("map", "set"):
            try:
                key = item_key(schema, item)
            except KeyError:
                continue  # the missing key is a cause of its own already
            if key in seen:
                yield Cause("FieldValueDuplicate", f"Duplicate value: {key[2:]}", below)
            seen.add(key)


def _scalar_causes(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    if "enum" in schema and value not in schema["enum"]:
        known = ", ".join(json.dumps(choice) for choice in schema["enum"])
        yield Cause(
            "FieldValueNotSupported", f"Unsupported value: {json.dumps(value)}: supported values: {known}", path
        )
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", len(value)):
            yield Cause("FieldValueTooLong", f"Too long: may not be more than {schema['maxLength']} bytes", path)
        if len(value) < schema.get("minLength", 0):
            yield _refused(value, f"{path} in body should be at least {schema['minLength']} chars long", path)
        if "pattern" in schema and not _compiled(schema["pattern"]).search(value):
            yield _refused(value, f"{path} in body should match '{schema['pattern']}'", path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if value > schema.get("maximum", value):
            yield _refused(value, f"{path} in body should be less than or equal to {schema['maximum']}", path)
        if value < schema.get("minimum", value):
            yield _refused(value, f"{path} in body should be greater than or equal to {schema['minimum']}", path)


def _refused(value: Any, why: str, path: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {json.dumps(value)}: {why}", path)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def apply_type_error(value: Any, schema: Schema, path: str = "") -> str:
    """What a server-side apply says of the first value of a wrong type or repeated key; or ""."""
    wanted = schema.get("type")
    if wanted and value is not None and not schema.get("x-kubernetes-int-or-string") and not _has_type(value, schema):
        expected = {
            "integer": "numeric (int or float)",
            "number": "numeric (int or float)",
            "object": "map",
            "array": "list",
        }.get(wanted, wanted)
        if not (wanted == "integer" and isinstance(value, float)):
            return f"{path}: expected {expected}, got {json_type(value)}"
    if isinstance(value, dict):
        for name, child in value.items():
            part, _ = property_of(schema, name)
            found = apply_type_error(child, part, f"{path}.{name}") if part is not None else ""
            if found:
                return found
    elif isinstance(value, list):
        seen: set[str] = set()
        for i, item in enumerate(value):
            found = apply_type_error(item, items_of(schema), f"{path}[{i}]")
            if not found and schema.get("x-kubernetes-list-type") in ("map", "set"):
                try:
                    key = item_key(schema, item)
                except KeyError as missing:
                    return f"{path}[{i}]: associative list with keys has an element that omits key field {missing}"
                if key in seen:
                    return f"{path}: duplicate entries for key {spell((key,))}"
                seen.add(key)
            if found:
                return found
    return ""
