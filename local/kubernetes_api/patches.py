"""JSON merge patch (RFC 7386), JSON patch (RFC 6902) and the plain part of strategic merge patch. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from kfp_lifecycle.local.kubernetes_api.schema import same

# Lists of built-in kinds that a strategic merge patch merges ("" for a list of plain values) or replaces.
_MERGE_KEYS = {
    ("metadata", "finalizers"): "",
    ("metadata", "ownerReferences"): "uid",
    ("status", "conditions"): "type",
    ("status", "podIPs"): "ip",
    ("status", "hostIPs"): "ip",
}
_REPLACED = {("status", "containerStatuses"), ("status", "initContainerStatuses")}


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
    """A merge patch that knows `$patch: replace` and merges the lists that built-in kinds merge.

    Raises:
        UnsupportedDirective: any other directive, or a list of which it is not known here how it merges.
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
        elif isinstance(value, list):
            merged[name] = _strategic_list(merged.get(name) or [], value, below)
        else:
            merged[name] = strategic_patch(merged.get(name), value, below)
    return merged


def _strategic_list(target: list[Any], patch: list[Any], path: tuple[str, ...]) -> list[Any]:
    """Items of the patch first, merged with those of the same key, then what only the target has."""
    if path in _REPLACED:
        return copy.deepcopy(patch)
    if path not in _MERGE_KEYS:
        raise UnsupportedDirective(f"strategic merge patch of the list {'.'.join(path)}")
    key = _MERGE_KEYS[path]
    if not key:
        return patch + [item for item in target if item not in patch]
    if not all(isinstance(item, dict) and key in item for item in patch):
        raise UnsupportedDirective(f"strategic merge patch of {'.'.join(path)} without the key {key}")
    known = {item.get(key): item for item in target}
    given = {item[key] for item in patch}
    merged = [strategic_patch(known.get(item[key]), item, path) for item in patch]
    return merged + [item for item in target if item.get(key) not in given]


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
