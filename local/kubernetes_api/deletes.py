"""Delete one object or a selection of them; finalizers keep an object until they are taken away."""

from __future__ import annotations

import json
from typing import Any

from kfp_lifecycle.local.kubernetes_api import errors, objects
from kfp_lifecycle.local.kubernetes_api.options import DeleteOptions, delete_options
from kfp_lifecycle.local.kubernetes_api.reads import key_of, selection
from kfp_lifecycle.local.kubernetes_api.rendering import as_list
from kfp_lifecycle.local.kubernetes_api.resources import NAMESPACE, Kind
from kfp_lifecycle.local.kubernetes_api.store import Decision, Key
from kfp_lifecycle.local.kubernetes_api.writes import Answer, Call

Object = dict[str, Any]


def delete(call: Call) -> Answer:
    """DELETE of one object. Answers a Status, or the object while finalizers keep it.

    Raises:
        ApiError: 404, 409 for a precondition that does not hold, 501 for Foreground and Orphan (nothing here
            collects dependents) and for a namespace that is not empty.
    """
    kind, name, options = call.kind, call.address.name, _options(call)
    left: Object | None = None

    def decide(live: Object | None) -> Decision:
        nonlocal left
        if live is None:
            raise errors.not_found(kind, name)
        decision = _decide(call, live, options)
        left = decision.object if live["metadata"].get("finalizers") else None
        return decision

    gone = call.store.change(key_of(kind, call.address), decide)
    if left is not None:
        return Answer(200, gone)
    details = errors.details(name, kind.group, kind.plural, uid=gone["metadata"]["uid"])
    return Answer(200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})


def delete_collection(call: Call) -> Answer:
    """DELETE of everything that is selected; answers the list of what was deleted.

    Raises:
        ApiError: 400 for a selector that does not parse, 501 as for one object.
    """
    kind, options = call.kind, _options(call)
    matches = selection(kind, call.query)
    found: list[Object] = []

    def decide(live: Object | None) -> Decision:
        if live is None or not matches(live):
            return Decision("keep", {})  # gone, or changed, since the list was read
        found.append(live)
        return _decide(call, live, options)

    for obj in list(call.store.scan(kind.qualified, call.address.namespace)):
        metadata = obj["metadata"]
        if matches(obj):
            call.store.change(Key(kind.qualified, metadata.get("namespace", ""), metadata["name"]), decide)
    return Answer(200, as_list(kind, found, {"resourceVersion": str(call.store.version)}))


def _decide(call: Call, live: Object, options: DeleteOptions) -> Decision:
    _check_preconditions(call.kind, live, options)
    name = live["metadata"]["name"]
    if call.kind is NAMESPACE and call.store.has(name):
        raise errors.not_implemented("the deletion of a namespace that is not empty")
    if live["metadata"].get("finalizers"):
        marked = objects.marked_for_deletion(call.kind, live, objects.timestamp())
        return Decision("keep" if options.dry_run or marked is live else "put", marked)
    return Decision("keep" if options.dry_run else "remove", live)


def _options(call: Call) -> DeleteOptions:
    try:
        body = json.loads(call.raw) if call.raw.strip() else {}
    except ValueError as error:
        raise errors.bad_request(f"couldn't get version/kind; json parse error: {error}") from None
    if not isinstance(body, dict):
        raise errors.bad_request("DeleteOptions must be an object")
    options = delete_options(call.query, body)
    if options.propagation != "Background":
        raise errors.not_implemented(f"propagationPolicy {options.propagation}")
    return options


def _check_preconditions(kind: Kind, live: Object, options: DeleteOptions) -> None:
    stored = live["metadata"]
    if options.uid and options.uid != stored["uid"]:
        raise errors.precondition_failed(
            kind,
            stored["name"],
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({stored['uid']}). The object might have been deleted and then recreated",
        )
    if options.version and options.version != stored["resourceVersion"]:
        raise errors.precondition_failed(
            kind,
            stored["name"],
            f"the ResourceVersion in the precondition ({options.version}) does not match the "
            f"ResourceVersion in record ({stored['resourceVersion']}). The object might have been modified",
        )
