"""Bodies and media types: what a client sends and what it accepts. Pure apart from reading the stream."""

from __future__ import annotations

import json
import math
from typing import Any

import yaml
from starlette.exceptions import HTTPException
from starlette.requests import Request

from kfp_lifecycle.adapters import request_bodies
from kfp_lifecycle.local.kubernetes_api.errors import ApiError, bad_request, unsupported_media
from kfp_lifecycle.local.kubernetes_api.validation import json_type

BODY_LIMIT = 3 * 1024 * 1024
WRITE_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"


async def read(request: Request) -> bytes:
    """The body.

    Raises:
        ApiError: 413, it is longer than 3 MiB; reading stops there; 408, it does not end; 400, it was cut off.
    """
    try:
        return await request_bodies.read(request, BODY_LIMIT)
    except HTTPException as error:
        if error.status_code == 413:
            text = f"Request entity too large: limit is {BODY_LIMIT}"
            raise ApiError(413, text, "RequestEntityTooLarge") from error
        raise ApiError(
            error.status_code, error.detail, "Timeout" if error.status_code == 408 else "BadRequest"
        ) from error


def media_type(header: str) -> str:
    """A content type without its parameters."""
    return header.partition(";")[0].strip().lower()


class _Repeated(dict[str, Any]):
    """A JSON object in which a key came twice (the last one wins)."""

    names: tuple[str, ...] = ()


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    repeated = _Repeated(found)
    repeated.names = tuple(sorted({name for name in names if names.count(name) > 1}))
    return repeated


def parsed_object(raw: bytes, content_type: str, kind: str) -> tuple[dict[str, Any], list[str]]:
    """A JSON (or YAML) object and the paths of keys that came twice.

    Raises:
        ApiError: 400 for something that is no object, 415 for another media type.
    """
    form = media_type(content_type) or "application/json"
    if form not in WRITE_TYPES or form == WRITE_TYPES[2]:
        raise unsupported_media(WRITE_TYPES)
    text = _text(raw)
    try:
        value = _yaml(text) if form == "application/yaml" else _json(text)
    except ValueError as error:
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; "
            f"json parse error: {error}"
        ) from None
    if not isinstance(value, dict):
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; "
            "json parse error: json: cannot unmarshal it into an object"
        )
    duplicates: list[str] = []
    _find_repeated(value, "", duplicates)
    return value, duplicates


def _find_repeated(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, dict):
        prefix = f"{path}." if path else ""
        if isinstance(value, _Repeated):
            found += [prefix + name for name in value.names]
        for name, child in value.items():
            _find_repeated(child, prefix + name, found)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _find_repeated(item, f"{path}[{i}]", found)


def parsed_patch(raw: bytes, form: str) -> Any:
    """The body of a patch: an object, or a list of operations for a JSON patch.

    Raises:
        ApiError: 400, it does not parse or is the other of the two.
    """
    text = _text(raw)
    if form == APPLY:
        try:
            value = _yaml(text)
        except ValueError as error:
            raise bad_request(f"error decoding YAML: error converting YAML to JSON: yaml: {error}") from None
        if not isinstance(value, dict):
            raise bad_request("error decoding YAML: the configuration is no object")
        return value
    try:
        value = _json(text)
    except ValueError as error:
        raise bad_request(f"error decoding patch: {error}") from None
    if form == JSON_PATCH:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise bad_request(
                f"error decoding patch: json: cannot unmarshal {json_type(value)} into Go value of type "
                "[]handlers.jsonPatchOp"
            )
    elif not isinstance(value, dict):
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {json_type(value)} into Go value of type "
            "map[string]interface {}"
        )
    return value


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise bad_request(f"the body is not UTF-8: {error}") from None


def _json(text: str) -> Any:
    """Strict JSON: NaN and Infinity, which Python would take, are refused, and so is absurd nesting."""
    try:
        value = json.loads(text, object_pairs_hook=_pairs, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("exceeded max depth") from None
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()):
            raise ValueError("unexpected end of JSON input") from None
        raise
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()  # refuses half of a surrogate pair
    return value


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"cannot unmarshal number {text}")
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"invalid character in {name}")


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, with which a short text could stand for a huge value."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not supported")
        return super().compose_node(parent, index)


def _yaml(text: str) -> Any:
    """YAML as JSON has it. Apply bodies are mostly JSON, which the YAML parser reads a hundred times slower."""
    try:
        return _json(text)
    except ValueError:
        pass
    try:
        return _json(json.dumps(yaml.load(text, Loader=_PlainLoader)))
    except (yaml.YAMLError, TypeError) as error:
        raise ValueError(getattr(error, "problem", None) or str(error)) from None
