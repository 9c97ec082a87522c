"""Create, replace, patch and apply. What is read, decided and written for one object happens in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.local.kubernetes_api import bodies, errors, incoming, objects
from kfp_lifecycle.local.kubernetes_api.address import Address, flag
from kfp_lifecycle.local.kubernetes_api.errors import ApiError, Cause
from kfp_lifecycle.local.kubernetes_api.managers import ApplyConflict
from kfp_lifecycle.local.kubernetes_api.options import WriteOptions, require_manager, write_options
from kfp_lifecycle.local.kubernetes_api.patches import (
    PatchError,
    UnsupportedDirective,
    json_patch,
    merge_patch,
    strategic_patch,
)
from kfp_lifecycle.local.kubernetes_api.reads import key_of
from kfp_lifecycle.local.kubernetes_api.resources import NAMESPACE, Kind
from kfp_lifecycle.local.kubernetes_api.store import Decision, Key, Store

Object = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One writing request. `permit` raises the 403 of another verb that turns out to be needed."""

    store: Store
    kind: Kind
    address: Address
    query: Mapping[str, str]
    raw: bytes
    content_type: str
    user_agent: str
    permit: Callable[[str], None]

    def author(self, options: WriteOptions) -> objects.Author:
        return objects.Author(options.manager, objects.timestamp(), self.address.subresource)


@dataclass(frozen=True)
class Answer:
    code: int
    object: Object
    warnings: tuple[str, ...] = ()


def create(call: Call) -> Answer:
    """POST of an object.

    Raises:
        ApiError: 400 or 422 for the body, 404 for the namespace, 409 when the name is taken.
    """
    kind, namespace = call.kind, call.address.namespace
    options = write_options(call.query, call.user_agent, "CreateOptions")
    body, duplicates = bodies.parsed_object(call.raw, call.content_type, kind.kind)
    body, warnings = incoming.checked(kind, body, namespace, "", strictness=options.strictness, duplicates=duplicates)
    _require_namespace(call)
    fresh = objects.created(kind, body, namespace, call.author(options))
    name = fresh["metadata"]["name"]

    def decide(live: Object | None) -> Decision:
        if live is not None:
            deleting = bool(live["metadata"].get("deletionTimestamp"))
            raise errors.already_exists(kind, name, being_deleted=deleting)
        return Decision("keep" if options.dry_run else "put", fresh)

    return Answer(201, call.store.change(Key(kind.qualified, namespace, name), decide), tuple(warnings))


def replace(call: Call) -> Answer:
    """PUT of an object or of its status.

    Raises:
        ApiError: as for a create; 409 when the body's version is not the stored one.
    """
    kind, address = call.kind, call.address
    options = write_options(call.query, call.user_agent, "UpdateOptions")
    body, duplicates = bodies.parsed_object(call.raw, call.content_type, kind.kind)
    body, warnings = incoming.checked(
        kind, body, address.namespace, address.name, strictness=options.strictness, duplicates=duplicates
    )
    code = 200

    def decide(live: Object | None) -> Decision:
        nonlocal code
        if live is None:
            if not kind.creates_on_replace or body["metadata"].get("resourceVersion"):
                raise errors.not_found(kind, address.name)
            code = 201
            return _created(call, body, options)
        _require_same(kind, live, body)
        return _decision(live, objects.replaced(kind, live, body, call.author(options)), options)

    stored = call.store.change(key_of(kind, address), decide)
    return Answer(code, stored, tuple(warnings))


def patch(call: Call) -> Answer:
    """PATCH of an object or of its status, in any of the four kinds of patch.

    Raises:
        ApiError: 415 for another media type, 404 (an apply creates instead), 409 for a stale version or
            somebody else's field, 422 for a JSON patch that does not fit or an outcome that is refused.
    """
    form = bodies.media_type(call.content_type)
    known = [bodies.JSON_PATCH, bodies.MERGE, *(() if call.kind.custom else (bodies.STRATEGIC,)), bodies.APPLY]
    if form not in known:
        raise errors.unsupported_media(known)
    if form == bodies.APPLY:
        return _apply(call)
    kind, address = call.kind, call.address
    options = write_options(call.query, call.user_agent, "PatchOptions")
    change = bodies.parsed_patch(call.raw, form)
    warnings: list[str] = []

    def decide(live: Object | None) -> Decision:
        if live is None:
            raise errors.not_found(kind, address.name)
        patched, complaints = incoming.checked(
            kind,
            _patched(live, change, form),
            address.namespace,
            address.name,
            strictness=options.strictness,
            patched=True,
        )
        warnings.extend(complaints)
        _require_unchanged(kind, live, patched)
        return _decision(live, objects.replaced(kind, live, patched, call.author(options)), options)

    return Answer(200, call.store.change(key_of(kind, address), decide), tuple(warnings))


def _patched(live: Object, change: Any, form: str) -> Object:
    try:
        if form == bodies.MERGE:
            found = merge_patch(live, change)
        elif form == bodies.STRATEGIC:
            found = strategic_patch(live, change)
        else:
            found = json_patch(live, change)
    except PatchError:
        raise ApiError(422, "the server rejected our request due to an error in our request", "Invalid", {}) from None
    except UnsupportedDirective as error:
        raise errors.not_implemented(str(error)) from None
    if not isinstance(found, dict):
        raise errors.bad_request("the outcome of the patch is no object")
    return found


def _apply(call: Call) -> Answer:
    kind, address = call.kind, call.address
    require_manager(call.query)
    options = write_options(call.query, call.user_agent, "PatchOptions")
    config = incoming.applied(kind, bodies.parsed_patch(call.raw, bodies.APPLY), address.namespace, address.name)
    config["metadata"] = {**config["metadata"], "name": address.name}
    version = config["metadata"].get("resourceVersion", "")
    existed = True

    def decide(live: Object | None) -> Decision:
        nonlocal existed
        existed = live is not None
        if live is None:
            if address.subresource:
                raise errors.not_found(kind, address.name)
            call.permit("create")
            _require_namespace(call)
        if version and (live is None or version != live["metadata"]["resourceVersion"]):
            raise errors.conflict(kind, address.name)
        try:
            fresh = objects.applied(
                kind, live, config, address.namespace, call.author(options), force=flag(call.query, "force")
            )
        except ApplyConflict as error:
            causes = [
                {"reason": "FieldManagerConflict", "message": message, "field": field}
                for message, field in error.causes()
            ]
            raise ApiError(409, str(error), "Conflict", {"causes": causes}) from None
        return _decision(live, fresh, options)

    stored = call.store.change(key_of(kind, address), decide)
    return Answer(200 if existed else 201, stored)


def _created(call: Call, body: Object, options: WriteOptions) -> Decision:
    call.permit("create")
    _require_namespace(call)
    named = {**body, "metadata": {**body["metadata"], "name": call.address.name}}
    fresh = objects.created(call.kind, named, call.address.namespace, call.author(options))
    return Decision("keep" if options.dry_run else "put", fresh)


def _decision(live: Object | None, fresh: Object, options: WriteOptions) -> Decision:
    """Nothing is written by a dry run or when nothing changed; an object that lost its last finalizer goes."""
    if options.dry_run or fresh is live:
        return Decision("keep", fresh)
    return Decision("remove" if objects.is_gone(fresh) else "put", fresh)


def _require_namespace(call: Call) -> None:
    namespace = call.address.namespace
    if call.kind.namespaced and call.store.text(Key(NAMESPACE.qualified, "", namespace)) is None:
        raise errors.not_found(NAMESPACE, namespace)


def _require_same(kind: Kind, live: Object, body: Object) -> None:
    """A replace must name the stored version (some kinds take it without) and, if any, the stored uid."""
    given, stored = body["metadata"], live["metadata"]
    version = given.get("resourceVersion", "")
    if not version and kind.needs_version:
        raise errors.version_required(kind, stored["name"])
    if version and not (version.isascii() and version.isdigit()):
        raise ApiError(500, f'strconv.ParseUint: parsing "{version}": invalid syntax')
    if version and version != stored["resourceVersion"]:
        raise errors.conflict(kind, stored["name"])
    if given.get("uid") and given["uid"] != stored["uid"]:
        raise errors.conflict(
            kind,
            stored["name"],
            f"Precondition failed: UID in precondition: {given['uid']}, UID in object meta: {stored['uid']}",
        )


def _require_unchanged(kind: Kind, live: Object, patched: Object) -> None:
    """A patch may carry version and uid; then they must be the stored ones."""
    given, stored = patched["metadata"], live["metadata"]
    if given.get("resourceVersion") not in (None, stored["resourceVersion"]):
        raise errors.conflict(kind, stored["name"])
    if given.get("uid") not in (None, stored["uid"]):
        cause = Cause("FieldValueInvalid", f'Invalid value: "{given["uid"]}": field is immutable', "metadata.uid")
        raise errors.invalid(kind.group, kind.kind, stored["name"], [cause, cause] if kind.custom else [cause])
