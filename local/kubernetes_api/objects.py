"""The life of one object: what a create, a replace, an apply or a delete makes of it. Pure; nothing is stored here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kfp_lifecycle.local.kubernetes_api import builtin, errors, metadata, validation
from kfp_lifecycle.local.kubernetes_api.apply import apply, owners_after_update
from kfp_lifecycle.local.kubernetes_api.errors import Cause
from kfp_lifecycle.local.kubernetes_api.managers import Manager, Managers, decode, encode
from kfp_lifecycle.local.kubernetes_api.pruning import fill_defaults
from kfp_lifecycle.local.kubernetes_api.resources import Kind
from kfp_lifecycle.local.kubernetes_api.schema import same, schema_of

Object = dict[str, Any]
_USERS = ("name", "generateName", "namespace", "labels", "annotations", "ownerReferences", "finalizers")
_SYSTEM = (
    "name",
    "namespace",
    "generateName",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


@dataclass(frozen=True)
class Author:
    """Who writes: field manager, moment of the write, and the subresource it goes through ("" or "status")."""

    manager: str
    now: str
    subresource: str = ""


def timestamp(moment: datetime | None = None) -> str:
    """RFC 3339 in UTC with whole seconds, as creationTimestamp is spelled."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def created(kind: Kind, body: Object, namespace: str, author: Author) -> Object:
    """A new object from the body of a create.

    Raises:
        ApiError: 422 when the object is refused; 500 when the body carries a resourceVersion.
    """
    fresh = _fresh(kind, body, namespace, author)
    blank = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}, **kind.empty}
    owners = owners_after_update(blank, fresh, schema_of(kind), {}, _updater(kind, author), author.now)
    return _with_owners(fresh, owners)


def replaced(kind: Kind, live: Object, body: Object, author: Author) -> Object:
    """`live` after a replace or a patch whose outcome is `body`; `live` itself when nothing changes.

    Raises:
        ApiError: 422 when the object is refused.
    """
    fresh = _renewed(kind, live, body, author)
    owners = owners_after_update(
        _unmanaged(live), fresh, schema_of(kind), _owners(live), _updater(kind, author), author.now
    )
    return _settled(live, fresh, owners)


def applied(kind: Kind, live: Object | None, config: Object, namespace: str, author: Author, *, force: bool) -> Object:
    """The object after a server-side apply; `live` itself when nothing changes.

    Raises:
        ApplyConflict: somebody else owns a field that would change.
        ApiError: 422 when the object is refused.
    """
    manager = Manager(author.manager, "Apply", kind.api_version, author.subresource)
    config = _applicable(kind, config, author)
    blank = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}}
    before = blank if live is None else _unmanaged(live)
    merged, owners = apply(
        before, config, schema_of(kind), {} if live is None else _owners(live), manager, now=author.now, force=force
    )
    if live is None:
        return _with_owners(_fresh(kind, merged, namespace, author), owners)
    return _settled(live, _renewed(kind, live, merged, author), owners)


def marked_for_deletion(kind: Kind, live: Object, now: str) -> Object:
    """An object with finalizers after a delete; marked once, a second delete changes nothing."""
    if live["metadata"].get("deletionTimestamp"):
        return live
    marked = {**live["metadata"], "deletionTimestamp": now, "deletionGracePeriodSeconds": 0}
    if kind.custom:
        marked["generation"] += 1
    return {**live, "metadata": marked}


def is_gone(obj: Mapping[str, Any]) -> bool:
    """Whether a deleted object lost its last finalizer."""
    return bool(obj["metadata"].get("deletionTimestamp")) and not obj["metadata"].get("finalizers")


def _fresh(kind: Kind, body: Object, namespace: str, author: Author) -> Object:
    given = body["metadata"]
    if given.get("resourceVersion"):
        raise errors.ApiError(500, "resourceVersion should not be set on objects to be created")
    own = {name: given[name] for name in _USERS if given.get(name)}
    if not own.get("name") and own.get("generateName"):
        own["name"] = metadata.generated_name(own["generateName"])
    if kind.namespaced:
        own["namespace"] = namespace
    obj = {**body, "metadata": own}
    if kind.status:
        obj.pop("status", None)
    if kind.kind == "Namespace":
        own["labels"] = {**own.get("labels", {}), "kubernetes.io/metadata.name": own.get("name", "")}
        obj = {**obj, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    elif kind.kind == "Pod":
        obj["status"] = {"phase": "Pending"}
    obj = _completed(kind, obj)
    _refuse(kind, obj, None)
    own |= {"uid": str(uuid.uuid4()), "creationTimestamp": author.now}
    if kind.custom:
        own["generation"] = 1
    return {**obj, "metadata": own}


def _renewed(kind: Kind, live: Object, body: Object, author: Author) -> Object:
    """The new state of a stored object: bookkeeping kept, status only by its own path, generation counted."""
    before = live["metadata"]
    if author.subresource == "status":
        obj = _unmanaged(live)
        obj.pop("status", None)
        if body.get("status") is not None:
            obj["status"] = body["status"]
    else:
        own = {name: body["metadata"][name] for name in _USERS if body["metadata"].get(name)}
        own |= {name: before[name] for name in _SYSTEM if name in before}
        obj = {**body, "metadata": own}
        if kind.status:
            obj.pop("status", None)
            if "status" in live:
                obj["status"] = live["status"]
    obj = _completed(kind, obj)
    _refuse(kind, obj, live)
    if kind.custom and not same(_content(obj), _content(live)):
        obj["metadata"] = {**obj["metadata"], "generation": before["generation"] + 1}
    return obj


def _content(obj: Mapping[str, Any]) -> Object:
    return {name: value for name, value in obj.items() if name not in ("metadata", "status")}


def _completed(kind: Kind, obj: Object) -> Object:
    return fill_defaults(obj, schema_of(kind)) if kind.custom else builtin.completed(kind, obj)


def _refuse(kind: Kind, obj: Object, live: Object | None) -> None:
    """Raise the 422 that lists everything wrong with this object."""
    found = list(metadata.causes(obj["metadata"], is_namespace=kind.kind == "Namespace"))
    found += validation.causes(obj, schema_of(kind)) if kind.custom else builtin.causes(kind, obj, live)
    if live is not None and live["metadata"].get("deletionTimestamp"):
        known = live["metadata"].get("finalizers") or []
        extra = [name for name in obj["metadata"].get("finalizers") or [] if name not in known]
        if extra:
            shown = "[]string{" + ", ".join(f'"{name}"' for name in extra) + "}"
            cause = Cause(
                "FieldValueForbidden",
                "Forbidden: no new finalizers can be added if the object is being "
                f"deleted, found new finalizers {shown}",
                "metadata.finalizers",
            )
            found += [cause, cause] if kind.custom else [cause]
    if found:
        raise errors.invalid(kind.group, kind.kind, obj["metadata"].get("name", ""), found)


def _applicable(kind: Kind, config: Object, author: Author) -> Object:
    """The part of an applied configuration that this path may set."""
    own = {name: config["metadata"][name] for name in _USERS if name in config["metadata"]}
    if author.subresource == "status":
        return {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": {},
            **{name: config[name] for name in ("status",) if name in config},
        }
    rest = {name: value for name, value in config.items() if not (kind.status and name == "status")}
    return {**rest, "metadata": own}


def _updater(kind: Kind, author: Author) -> Manager:
    return Manager(author.manager, "Update", kind.api_version, author.subresource)


def _owners(obj: Object) -> Managers:
    return decode(obj["metadata"].get("managedFields", ()))


def _unmanaged(obj: Object) -> Object:
    return {**obj, "metadata": {name: value for name, value in obj["metadata"].items() if name != "managedFields"}}


def _with_owners(obj: Object, owners: Managers) -> Object:
    rows = encode(owners)
    return {**obj, "metadata": {**obj["metadata"], **({"managedFields": rows} if rows else {})}}


def _settled(live: Object, fresh: Object, owners: Managers) -> Object:
    """`live` when neither a value nor an owner changed, so that its version and its times stay."""
    before = {manager: owned.fields for manager, owned in _owners(live).items()}
    if same(_unmanaged(live), fresh) and before == {manager: owned.fields for manager, owned in owners.items()}:
        return live
    return _with_owners(fresh, owners)
