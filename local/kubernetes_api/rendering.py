"""Answers in the form that the client accepts: JSON, YAML, a table or only the metadata. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import yaml
from starlette.responses import Response

from kfp_lifecycle.local.kubernetes_api.errors import ApiError
from kfp_lifecycle.local.kubernetes_api.resources import Kind
from kfp_lifecycle.local.kubernetes_api.tables import partial, table

Form = Literal["json", "yaml", "table", "partial"]
_VIEWS: Mapping[str, Form] = {
    "Table": "table",
    "PartialObjectMetadata": "partial",
    "PartialObjectMetadataList": "partial",
}


def accepted(header: str) -> Form:
    """The first form of an Accept header that can be served; JSON when there is none.

    Raises:
        ApiError: 406, nothing in it can be served.
    """
    for part in header.split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        values = dict(piece.partition("=")[::2] for piece in parameters)
        if name in ("", "*/*", "application/*", "application/json"):
            if "as" not in values:
                return "json"
            if values["as"] in _VIEWS and values.get("v") == "v1":
                return _VIEWS[values["as"]]
        if name == "application/yaml":
            return "yaml"
    raise ApiError(
        406, "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml", "NotAcceptable", {}
    )


def dumped(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def json_response(code: int, body: Any, warnings: Sequence[str] = ()) -> Response:
    response = Response(dumped(body), code, media_type="application/json")
    for warning in warnings:
        escaped = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.append("warning", f'299 - "{escaped}"')
    return response


def text_response(code: int, text: str) -> Response:
    return Response(text.encode(), code, headers={"content-type": "text/plain; charset=utf-8"})


def object_response(
    kind: Kind,
    obj: Mapping[str, Any],
    form: Form,
    *,
    code: int = 200,
    warnings: Sequence[str] = (),
    include: str = "Metadata",
) -> Response:
    """One object, or a Status in place of one."""
    if form == "yaml":
        return Response(yaml.safe_dump(dict(obj), sort_keys=False), code, headers={"content-type": "application/yaml"})
    if obj.get("kind") == kind.kind and form == "table":
        return json_response(
            code, table(kind, [obj], {"resourceVersion": obj["metadata"]["resourceVersion"]}, include), warnings
        )
    if obj.get("kind") == kind.kind and form == "partial":
        return json_response(code, partial(obj), warnings)
    return json_response(code, obj, warnings)


def list_response(kind: Kind, items: Sequence[Any], metadata: dict[str, Any], form: Form, include: str) -> Response:
    """A list of objects; items of a built-in kind carry no kind of their own, as in the real server."""
    if form == "table":
        return json_response(200, table(kind, items, metadata, include))
    if form == "partial":
        return json_response(
            200,
            {
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "items": [partial(item) for item in items],
            },
        )
    body = as_list(kind, items, metadata)
    if form == "yaml":
        return Response(yaml.safe_dump(body, sort_keys=False), 200, headers={"content-type": "application/yaml"})
    return json_response(200, body)


def as_list(kind: Kind, items: Sequence[Any], metadata: dict[str, Any]) -> dict[str, Any]:
    if kind.custom:
        metadata = {"continue": "", **metadata}
    else:
        items = [{name: value for name, value in item.items() if name not in ("kind", "apiVersion")} for item in items]
    return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata, "items": list(items)}
