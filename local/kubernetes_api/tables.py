"""Tables as `kubectl get` shows them, and objects cut down to their metadata. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kfp_lifecycle.local.kubernetes_api.resources import Kind

Object = Mapping[str, Any]


class Column(NamedTuple):
    name: str
    cell: Callable[[Object], Any]
    type: str = "string"
    priority: int = 0


def age(text: str | None, now: datetime | None = None) -> str:
    """A time of the API as kubectl shows its age: 42s, 5m3s, 3h, 12d."""
    if not text:
        return "<unknown>"
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    seconds = int(((now or datetime.now(UTC)) - moment).total_seconds())
    if seconds < 0:
        return "0s" if seconds > -2 else "<invalid>"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d"


def _at(obj: Any, *steps: str) -> Any:
    for step in steps:
        obj = obj.get(step) if isinstance(obj, Mapping) else None
    return obj


def _ready(obj: Object) -> Any:
    for condition in _at(obj, "status", "conditions") or ():
        if condition.get("type") == "Ready":
            return condition.get("status")
    return None


def _traffic(field: str, key: str, value: Any) -> Callable[[Object], Any]:
    def cell(obj: Object) -> Any:
        for target in _at(obj, "status", "components", "predictor", "traffic") or ():
            if target.get(key) == value:
                return target.get(field)
        return None

    return cell


def _pod_ready(pod: Object) -> str:
    states = _at(pod, "status", "containerStatuses") or []
    total = len(_at(pod, "spec", "containers") or [])
    return f"{sum(bool(state.get('ready')) for state in states)}/{total}"


def _pod_status(pod: Object) -> str:
    """The phase, or the more telling reason of a container, as kubectl's own table has it."""
    if _at(pod, "metadata", "deletionTimestamp"):
        return "Terminating"
    found = _at(pod, "status", "reason") or _at(pod, "status", "phase") or "Unknown"
    for state in _at(pod, "status", "containerStatuses") or []:
        for kind in ("waiting", "terminated"):
            reason = _at(state, "state", kind, "reason")
            if reason:
                found = reason
    return str(found)


def _restarts(pod: Object) -> str:
    return str(sum(state.get("restartCount", 0) for state in _at(pod, "status", "containerStatuses") or []))


def _size(obj: Object) -> int:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {})


def _involved(event: Object) -> str:
    return f"{str(_at(event, 'involvedObject', 'kind')).lower()}/{_at(event, 'involvedObject', 'name')}"


def _created_column(kind: Kind) -> Column:
    return Column("Age", lambda obj: age(obj["metadata"].get("creationTimestamp")), "date" if kind.custom else "string")


_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "InferenceService": (
        Column("URL", lambda obj: _at(obj, "status", "url")),
        Column("Ready", _ready),
        Column("Prev", _traffic("percent", "tag", "prev"), "integer"),
        Column("Latest", _traffic("percent", "latestRevision", True), "integer"),
        Column("PrevRolledoutRevision", _traffic("revisionName", "tag", "prev")),
        Column("LatestReadyRevision", _traffic("revisionName", "latestRevision", True)),
    ),
    "HTTPRoute": (Column("Hostnames", lambda obj: str(_at(obj, "spec", "hostnames") or "")),),
    "ConfigMap": (Column("Data", _size),),
    "Secret": (Column("Type", lambda obj: obj.get("type")), Column("Data", _size)),
    "Lease": (Column("Holder", lambda obj: _at(obj, "spec", "holderIdentity") or ""),),
    "Namespace": (Column("Status", lambda obj: _at(obj, "status", "phase")),),
    "Pod": (
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _restarts),
    ),
    "Event": (
        Column("Type", lambda obj: obj.get("type", "")),
        Column("Reason", lambda obj: obj.get("reason", "")),
        Column("Object", _involved),
        Column("Message", lambda obj: obj.get("message", "")),
    ),
}
_WIDE: Mapping[str, tuple[Column, ...]] = {
    "Pod": (
        Column("IP", lambda obj: _at(obj, "status", "podIP") or "<none>", priority=1),
        Column("Node", lambda obj: _at(obj, "spec", "nodeName") or "<none>", priority=1),
        Column("Nominated Node", lambda obj: "<none>", priority=1),
        Column("Readiness Gates", lambda obj: "<none>", priority=1),
    ),
}


def table(
    kind: Kind, items: Sequence[Object], metadata: Mapping[str, Any], include: str = "Metadata"
) -> dict[str, Any]:
    """A Table of these objects.

    Args:
        kind: their kind.
        items: the objects.
        metadata: metadata of the list.
        include: what each row holds of its object: `Metadata`, `Object` or `None`.
    """
    columns = (
        Column("Name", lambda obj: obj["metadata"]["name"]),
        *_COLUMNS[kind.kind],
        _created_column(kind),
        *_WIDE.get(kind.kind, ()),
    )
    definitions = [
        {
            "name": column.name,
            "type": column.type,
            "format": "name" if i == 0 else "",
            "description": f"{column.name} of the {kind.kind}",
            "priority": column.priority,
        }
        for i, column in enumerate(columns)
    ]
    rows = [
        {"cells": [column.cell(item) for column in columns], "object": _row_object(item, include)} for item in items
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": dict(metadata),
        "columnDefinitions": definitions,
        "rows": rows,
    }


def _row_object(item: Object, include: str) -> Object | None:
    if include == "None":
        return None
    return item if include == "Object" else partial(item)


def partial(obj: Object) -> dict[str, Any]:
    """The object as PartialObjectMetadata."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
