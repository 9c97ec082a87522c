"""A body as it comes in: is it the kind, name and namespace of the address, and what of it is unknown. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kfp_lifecycle.local.kubernetes_api import errors
from kfp_lifecycle.local.kubernetes_api.builtin import decoded, undecodable
from kfp_lifecycle.local.kubernetes_api.errors import ApiError, Cause
from kfp_lifecycle.local.kubernetes_api.metadata import finalizer_warnings
from kfp_lifecycle.local.kubernetes_api.pruning import prune, undeclared
from kfp_lifecycle.local.kubernetes_api.resources import Kind
from kfp_lifecycle.local.kubernetes_api.schema import schema_of
from kfp_lifecycle.local.kubernetes_api.validation import apply_type_error


def checked(
    kind: Kind,
    body: dict[str, Any],
    namespace: str,
    name: str,
    *,
    strictness: str,
    duplicates: Sequence[str] = (),
    patched: bool = False,
) -> tuple[dict[str, Any], list[str]]:
    """The body without what the schema does not know, and the warnings to send.

    Args:
        kind: the kind of the address.
        body: a JSON object.
        namespace: the namespace of the address, "" for a cluster-wide kind.
        name: the name of the address, "" on create.
        strictness: fieldValidation: `Strict`, `Warn` or `Ignore`.
        duplicates: paths of keys that came twice.
        patched: the body is the outcome of a patch (a strict failure is worded differently).

    Raises:
        ApiError: 400 or 422, the body is not an object of this kind for this address.
    """
    body = _typed(kind, body)
    metadata = _metadata(kind, body)
    _check_address(metadata, namespace, name)
    unknown: list[str] = []
    pruned = prune({**body, "metadata": metadata}, schema_of(kind), unknown)
    if not kind.custom:
        pruned = decoded(kind, pruned, schema_of(kind))
    complaints = [f'duplicate field "{path}"' for path in duplicates]
    complaints += [f'unknown field "{path}"' for path in sorted(unknown, key=_metadata_first)]
    if complaints and strictness == "Strict":
        raise _strict(kind, complaints, patched=patched)
    warnings = complaints if strictness == "Warn" else []
    return pruned, warnings + (finalizer_warnings(metadata) if not patched else [])


def _metadata_first(path: str) -> tuple[bool, str]:
    return not path.startswith("metadata."), path


def _strict(kind: Kind, complaints: Sequence[str], *, patched: bool) -> ApiError:
    text = "strict decoding error: " + ", ".join(complaints)
    if not patched:
        return undecodable(kind, text)
    cause = Cause("FieldValueInvalid", f"Invalid value: {text}", "patch")
    listed = [{"reason": cause.reason, "message": cause.message, "field": cause.field}]
    return ApiError(422, f' "" is invalid: {cause.text}', "Invalid", {"causes": listed})


def _typed(kind: Kind, body: dict[str, Any]) -> dict[str, Any]:
    """The body with kind and apiVersion; a built-in kind may come without them, a custom one may not."""
    said_kind, said_version = body.get("kind", ""), body.get("apiVersion", "")
    if kind.custom:
        if not said_kind:
            raise errors.bad_request(
                f"the object provided is unrecognized (must be of type {kind.kind}): Object 'Kind' is missing"
            )
        if said_version != kind.api_version:
            raise errors.bad_request(
                f"the API version in the data ({said_version}) does not match the expected "
                f"API version ({kind.api_version})"
            )
        if said_kind != kind.kind:
            cause = Cause("FieldValueInvalid", f'Invalid value: "{said_kind}": must be {kind.kind}', "kind")
            metadata = body.get("metadata")
            name = metadata.get("name", "") if isinstance(metadata, Mapping) else ""
            raise errors.invalid(kind.group, str(said_kind), name, [cause])
    elif said_kind not in ("", kind.kind) or said_version not in ("", kind.api_version):
        raise errors.bad_request(
            f'{said_kind} in version "{said_version}" cannot be handled as a {kind.kind}: '
            "it is of another kind or version"
        )
    return {"apiVersion": kind.api_version, "kind": kind.kind, **body} if not said_kind or not said_version else body


def _metadata(kind: Kind, body: Mapping[str, Any]) -> dict[str, Any]:
    """metadata, its types checked; custom kinds have the same typed metadata as built-in ones."""
    meta_schema = schema_of(kind)["properties"]["metadata"]
    found = decoded(
        kind, {"metadata": body.get("metadata") or {}}, {"type": "object", "properties": {"metadata": meta_schema}}
    )
    metadata: dict[str, Any] = found["metadata"]
    return metadata


def _check_address(metadata: dict[str, Any], namespace: str, name: str) -> None:
    if (metadata.get("namespace") or namespace) != namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if name and (metadata.get("name") or name) != name:
        raise errors.bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
        )


def applied(kind: Kind, body: dict[str, Any], namespace: str, name: str) -> dict[str, Any]:
    """The configuration of a server-side apply, which is always strict.

    Raises:
        ApiError: 400 for another kind or name, 500 for an unknown field or a wrong type (as the real server).
    """
    if body.get("kind") != kind.kind or body.get("apiVersion") != kind.api_version:
        raise errors.bad_request(f"invalid object type: {body.get('apiVersion', '')}, Kind={body.get('kind', '')}")
    given = body.get("metadata") or {}
    schema = schema_of(kind)
    for problem in (_undeclared(body, kind), apply_type_error(body, schema)):
        if problem:
            where = given.get("namespace", "") if isinstance(given, Mapping) else ""
            raise ApiError(
                500,
                f"failed to create typed patch object ({where}/{name}; {kind.group}/{kind.version}, "
                f"Kind={kind.kind}): {problem}",
            )
    if given.get("managedFields"):
        raise errors.bad_request("metadata.managedFields must be nil")
    _check_address(given, namespace, name)
    pruned = prune({**body, "metadata": given}, schema, [])
    return pruned if kind.custom else decoded(kind, pruned, schema)


def _undeclared(body: dict[str, Any], kind: Kind) -> str:
    path = undeclared(body, schema_of(kind))
    return f"{path}: field not declared in schema" if path else ""
