"""Rules of the built-in kinds: typed decoding, and what ConfigMap, Secret and Lease refuse. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kfp_lifecycle.local.kubernetes_api.errors import ApiError, Cause, bad_request
from kfp_lifecycle.local.kubernetes_api.resources import Kind
from kfp_lifecycle.local.kubernetes_api.schema import Schema, items_of, property_of, same
from kfp_lifecycle.local.kubernetes_api.validation import json_type

DATA_LIMIT = 1024 * 1024
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")
_GO_TYPES = {
    "string": "string",
    "integer": "int32",
    "boolean": "bool",
    "array": "[]string",
    "object": "map[string]string",
}
_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_TYPED_SECRETS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def decoded(kind: Kind, body: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """The body as the typed Go object would come back from decoding: types checked, times in UTC.

    Raises:
        ApiError: 400, a value has a type or format that cannot be decoded.
    """
    try:
        found: dict[str, Any] = _decode(body, schema, kind.kind)
    except ValueError as error:
        raise undecodable(kind, str(error)) from None
    return found


def undecodable(kind: Kind, why: str) -> ApiError:
    return bad_request(f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}')


def _decode(value: Any, schema: Schema, path: str) -> Any:
    wanted = schema.get("type")
    if value is None and not schema.get("nullable"):
        return {"string": "", "object": {}, "array": []}.get(wanted or "")  # the zero value of the Go type
    if value is None or wanted is None:
        return value
    if json_type(value) != wanted:
        found = "number" if isinstance(value, int | float) and not isinstance(value, bool) else json_type(value)
        found = {"boolean": "bool"}.get(found, found)
        raise ValueError(
            f"json: cannot unmarshal {found} into Go struct field {path} of type {_GO_TYPES.get(wanted, wanted)}"
        )
    if isinstance(value, dict):
        base = schema.get("go", path)
        declared = "properties" in schema
        return {
            name: _decode(child, property_of(schema, name)[0] or {}, f"{base}.{name}" if declared else path)
            for name, child in value.items()
        }
    if isinstance(value, list):
        return [_decode(item, items_of(schema), path) for item in value]
    if schema.get("format") == "byte":
        _check_base64(value)
    elif schema.get("format") == "micro-time":
        return _micro_time(value)
    return value


def _check_base64(text: str) -> None:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        bad = re.search(r"[^A-Za-z0-9+/=]", text)
        raise ValueError(f"illegal base64 data at input byte {bad.start() if bad else len(text) // 4 * 4}") from None


def _micro_time(text: str) -> str:
    layout = "2006-01-02T15:04:05.000000Z07:00"
    if not _MICRO_TIME.fullmatch(text):
        rest = text[19:] if re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text) else text
        part = ".000000" if rest != text else "2006"
        raise ValueError(f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{part}"')
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise ValueError(f'parsing time "{text}": day out of range') from None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def completed(kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
    """The object with what the server fills in: parts that are always there, a Secret's type and encoded strings."""
    filled = {**{name: value for name, value in kind.empty.items() if name not in obj}, **obj}
    if kind.kind == "Secret":
        strings = filled.pop("stringData", None) or {}
        encoded = {name: base64.b64encode(text.encode()).decode() for name, text in strings.items()}
        if encoded:
            filled["data"] = {**(filled.get("data") or {}), **encoded}
        filled.setdefault("type", "Opaque")
    for name in ("data", "binaryData"):
        if name in filled and not filled[name]:
            del filled[name]
    return filled


def causes(kind: Kind, obj: dict[str, Any], live: dict[str, Any] | None) -> Iterator[Cause]:
    """Why this object is refused, given the stored one (None on create)."""
    if kind.kind in ("ConfigMap", "Secret"):
        yield from _data_causes(kind, obj)
        yield from _immutable_causes(obj, live)
    if kind.kind == "Secret":
        for key in _TYPED_SECRETS.get(obj["type"], ()):
            if key not in obj.get("data", {}):
                yield Cause("FieldValueRequired", "Required value", f"data[{key}]")
        if live and live["type"] != obj["type"]:
            yield Cause("FieldValueInvalid", f'Invalid value: "{obj["type"]}": field is immutable', "type")
    if kind.kind == "Lease":
        spec = obj["spec"]
        if spec.get("leaseDurationSeconds", 1) <= 0:
            yield Cause(
                "FieldValueInvalid",
                f"Invalid value: {spec['leaseDurationSeconds']}: must be greater than 0",
                "spec.leaseDurationSeconds",
            )
        if spec.get("leaseTransitions", 0) < 0:
            yield Cause(
                "FieldValueInvalid",
                f"Invalid value: {spec['leaseTransitions']}: must be greater than or equal to 0",
                "spec.leaseTransitions",
            )


def _data_causes(kind: Kind, obj: dict[str, Any]) -> Iterator[Cause]:
    plain, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for part, entries in (("data", plain), ("binaryData", binary)):
        for key in entries:
            if not _KEY.fullmatch(key) or key in (".", ".."):
                yield Cause("FieldValueInvalid", f'Invalid value: "{key}": {_KEY_RULE}', f"{part}[{key}]")
    for key in plain.keys() & binary.keys():
        yield Cause(
            "FieldValueInvalid", f'Invalid value: "{key}": duplicate of key present in binaryData', f"data[{key}]"
        )
    encoded = [*binary.values(), *(plain.values() if kind.kind == "Secret" else ())]
    size = sum(len(base64.b64decode(text)) for text in encoded)
    if kind.kind == "ConfigMap":
        size += sum(len(text.encode()) for text in plain.values())
    if size > DATA_LIMIT:
        yield Cause(
            "FieldValueTooLong",
            f"Too long: may not be more than {DATA_LIMIT} bytes",
            "data" if kind.kind == "Secret" else "[]",
        )


def _immutable_causes(obj: dict[str, Any], live: dict[str, Any] | None) -> Iterator[Cause]:
    if not live or not live.get("immutable"):
        return
    for part in ("immutable", "data", "binaryData"):
        if not same(live.get(part), obj.get(part)):
            yield Cause("FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set", part)
