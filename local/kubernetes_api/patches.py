"""JSON merge patch (RFC 7386), JSON patch (RFC 6902) and the plain part of strategic merge patch. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from kfp_lifecycle.local.kubernetes_api.schema import same


class PatchError(ValueError):
    """A JSON patch that cannot be applied to this object (a failing test among them)."""


class UnsupportedDirective(ValueError):
    """A directive of strategic merge patch that is not implemented."""


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else (lists too) replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def strategic_patch(target: Any, patch: Any, path: tuple[str, ...] = ()) -> Any:
    """A merge patch that merges metadata.finalizers and knows `$patch: replace`, as built-in kinds have it.

    Raises:
        UnsupportedDirective: any other directive.
    """
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    directive = patch.get("$patch")
    if directive == "replace":
        return {name: copy.deepcopy(value) for name, value in patch.items() if name != "$patch"}
    if any(name.startswith("$") for name in patch):
        raise UnsupportedDirective("strategic merge patch directive " + ", ".join(sorted(patch)))
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        below = (*path, name)
        if value is None:
            merged.pop(name, None)
        elif below == ("metadata", "finalizers") and isinstance(value, list):
            merged[name] = value + [item for item in merged.get(name, []) if item not in value]
        elif below == ("metadata", "ownerReferences"):
            raise UnsupportedDirective("strategic merge patch of metadata.ownerReferences")
        else:
            merged[name] = strategic_patch(merged.get(name), value, below)
    return merged


def json_patch(target: Any, operations: Sequence[Mapping[str, Any]]) -> Any:
    """All operations in order on a copy of the target.

    As in kube-apiserver, `replace` of an absent entry of an object adds it.

    Raises:
        PatchError: a path that is absent, a test that fails, an operation that is unknown.
    """
    document = copy.deepcopy(target)
    for operation in operations:
        document = _operate(document, operation)
    return document


def _operate(document: Any, operation: Mapping[str, Any]) -> Any:
    name, path = operation.get("op"), operation.get("path")
    if not isinstance(path, str):
        raise PatchError("path is missing")
    if name in ("add", "replace"):
        if "value" not in operation:
            raise PatchError("value is missing")
        return _put(document, path, copy.deepcopy(operation["value"]), insert=name == "add")
    if name == "remove":
        return _take(document, path)
    if name == "test":
        if not same(_get(document, path), operation.get("value")):
            raise PatchError(f"testing value {path} failed")
        return document
    if name in ("move", "copy"):
        source = operation.get("from")
        if not isinstance(source, str):
            raise PatchError("from is missing")
        value = copy.deepcopy(_get(document, source))
        return _put(_take(document, source) if name == "move" else document, path, value, insert=True)
    raise PatchError(f"unexpected operation {name!r}")


def _steps(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise PatchError(f"path {path!r} does not start with /")
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _position(parent: list[Any], step: str, *, end: bool) -> int:
    if end and step == "-":
        return len(parent)
    if not step.isascii() or not step.isdigit() or int(step) > len(parent) - (0 if end else 1):
        raise PatchError(f"no item {step!r} in a list of {len(parent)}")
    return int(step)


def _child(parent: Any, step: str) -> Any:
    if isinstance(parent, dict) and step in parent:
        return parent[step]
    if isinstance(parent, list):
        return parent[_position(parent, step, end=False)]
    raise PatchError(f"{step!r} is absent")


def _get(document: Any, path: str) -> Any:
    for step in _steps(path):
        document = _child(document, step)
    return document


def _put(document: Any, path: str, value: Any, *, insert: bool) -> Any:
    steps = _steps(path)
    if not steps:
        return value
    parent = document
    for step in steps[:-1]:
        parent = _child(parent, step)
    if isinstance(parent, dict):
        parent[steps[-1]] = value
    elif isinstance(parent, list):
        position = _position(parent, steps[-1], end=insert)
        parent[position : position + (0 if insert else 1)] = [value]
    else:
        raise PatchError(f"the parent of {path!r} holds nothing")
    return document


def _take(document: Any, path: str) -> Any:
    steps = _steps(path)
    if not steps:
        raise PatchError("the whole document cannot be removed")
    parent = document
    for step in steps[:-1]:
        parent = _child(parent, step)
    _child(parent, steps[-1])
    if isinstance(parent, dict):
        del parent[steps[-1]]
    else:
        del parent[int(steps[-1])]
    return document
