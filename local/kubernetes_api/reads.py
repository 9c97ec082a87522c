"""Get and list: objects, pages of them, and the selectors that narrow them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import Response

from kfp_lifecycle.local.kubernetes_api import errors, rendering
from kfp_lifecycle.local.kubernetes_api.address import Address
from kfp_lifecycle.local.kubernetes_api.options import number
from kfp_lifecycle.local.kubernetes_api.resources import Kind
from kfp_lifecycle.local.kubernetes_api.selectors import SelectorError, matcher, parse_fields
from kfp_lifecycle.local.kubernetes_api.store import Key, Store

Query = Mapping[str, str]
_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter."
)


def key_of(kind: Kind, address: Address) -> Key:
    return Key(kind.qualified, address.namespace, address.name)


def get(store: Store, kind: Kind, address: Address, query: Query, form: rendering.Form) -> Response:
    """One object as it is stored.

    Raises:
        ApiError: 404.
    """
    key = key_of(kind, address)
    text = store.text(key)
    if text is None:
        raise errors.not_found(kind, address.name)
    if form == "json":
        return Response(text.encode(), media_type="application/json")
    return rendering.object_response(kind, json.loads(text), form, include=query.get("includeObject", "Metadata"))


def selection(kind: Kind, query: Query) -> Callable[[Mapping[str, Any]], bool]:
    """The test that the selectors of a query make.

    Raises:
        ApiError: 400, a selector does not parse or names a field that this kind does not offer.
    """
    labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
    try:
        for path, _, _ in parse_fields(fields):
            if path not in kind.selectable:
                raise errors.bad_request(_unknown_field(kind, path))
        return matcher(labels, fields)
    except SelectorError as error:
        raise errors.bad_request(str(error)) from None


def _unknown_field(kind: Kind, path: str) -> str:
    if kind.custom:
        return f"field label not supported: {path}"
    known = ", ".join(f'"{name}"' for name in kind.selectable)
    return f'"{path}" is not a known field selector: only {known}'


def list_objects(store: Store, kind: Kind, address: Address, query: Query, form: rendering.Form) -> Response:
    """A list, by pages when the query has a limit.

    Raises:
        ApiError: 400 for a query that does not parse, 410 for a page of a list that has changed meanwhile,
            504 for a version that lies in the future.
    """
    items, metadata = page(store, kind, address.namespace, query)
    return rendering.list_response(kind, items, metadata, form, query.get("includeObject", "Metadata"))


def page(store: Store, kind: Kind, namespace: str, query: Query) -> tuple[list[Any], dict[str, Any]]:
    limit, matches = number(query, "limit"), selection(kind, query)
    _check_version(store, query.get("resourceVersion", ""))
    after = _start(store, kind, query.get("continue", ""))
    found = [obj for obj in store.scan(kind.qualified, namespace, after) if matches(obj)]
    metadata: dict[str, Any] = {"resourceVersion": str(store.version)}
    if 0 < limit < len(found):
        last = found[limit - 1]["metadata"]
        metadata["continue"] = _token(store.version, last.get("namespace", ""), last["name"])
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            metadata["remainingItemCount"] = len(found) - limit
        found = found[:limit]
    return found, metadata


def _check_version(store: Store, text: str) -> None:
    if text and not (text.isascii() and text.isdigit()):
        raise errors.ApiError(
            500, f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    if int(text or 0) > store.version:
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        raise errors.ApiError(
            504,
            f"Timeout: Too large resource version: {text}, current: {store.version}",
            "Timeout",
            {"causes": [cause], "retryAfterSeconds": 1},
        )


def _token(version: int, namespace: str, name: str) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": [namespace, name]})
    return base64.urlsafe_b64encode(text.encode()).decode()


def _start(store: Store, kind: Kind, token: str) -> tuple[str, str]:
    """Where a page begins. A page of a list that changed since its first page is refused: it would be inconsistent."""
    if not token:
        return "", ""
    try:
        value = json.loads(base64.urlsafe_b64decode(token))
        version, (namespace, name) = int(value["rv"]), value["start"]
    except (ValueError, KeyError, TypeError):
        raise errors.bad_request("invalid continue token: continue key is not valid") from None
    if store.touched(kind.qualified) > version:
        raise errors.expired(_EXPIRED)
    return str(namespace), str(name)
