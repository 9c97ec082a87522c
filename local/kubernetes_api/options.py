"""Options in the query of a write: dry run, field manager, strictness. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kfp_lifecycle.local.kubernetes_api.errors import Cause, bad_request, invalid_options

_STRICTNESS = ("", "Ignore", "Strict", "Warn")
_PROPAGATION = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True)
class WriteOptions:
    """How to write. `strictness` is what happens to unknown fields: Ignore, Warn (default) or Strict."""

    dry_run: bool
    manager: str
    strictness: str


def write_options(query: Mapping[str, str], user_agent: str, kind: str) -> WriteOptions:
    """Options of a create, replace or patch.

    Args:
        query: the query of the request.
        user_agent: its part before the slash is the field manager when the query names none.
        kind: name of the options in messages: CreateOptions, UpdateOptions or PatchOptions.

    Raises:
        ApiError: 422, an option has a value that does not exist.
    """
    dry_run = _dry_run([query["dryRun"]] if query.get("dryRun") else [], kind)
    strictness = query.get("fieldValidation", "")
    if strictness not in _STRICTNESS:
        known = ", ".join(f'"{value}"' for value in _STRICTNESS)
        raise invalid_options(
            kind,
            Cause(
                "FieldValueNotSupported",
                f'Unsupported value: "{strictness}": supported values: {known}',
                "fieldValidation",
            ),
        )
    manager = query.get("fieldManager", "")
    if len(manager.encode()) > 128:
        raise invalid_options(
            kind, Cause("FieldValueTooLong", "Too long: may not be more than 128 bytes", "fieldManager")
        )
    return WriteOptions(dry_run, manager or user_agent.partition("/")[0][:128] or "unknown", strictness or "Warn")


def require_manager(query: Mapping[str, str]) -> None:
    """A server-side apply must name its field manager (422)."""
    if not query.get("fieldManager"):
        raise invalid_options(
            "PatchOptions", Cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager")
        )


def _dry_run(values: Sequence[str], kind: str) -> bool:
    if any(value != "All" for value in values):
        shown = ", ".join(f'"{value}"' for value in values)
        raise invalid_options(
            kind, Cause("FieldValueNotSupported", f'Unsupported value: [{shown}]: supported values: "All"', "dryRun")
        )
    return bool(values)


@dataclass(frozen=True)
class DeleteOptions:
    """How to delete. `uid` and `version` are preconditions, "" for none."""

    dry_run: bool
    propagation: str
    uid: str
    version: str


def delete_options(query: Mapping[str, str], body: Mapping[str, object]) -> DeleteOptions:
    """Options of a delete, from its body or (as the Python client does) its query.

    Raises:
        ApiError: 400 or 422, the options contradict each other or do not exist.
    """
    listed = body.get("dryRun") or ([query["dryRun"]] if query.get("dryRun") else [])
    propagation = body.get("propagationPolicy") or query.get("propagationPolicy", "")
    preconditions = body.get("preconditions") or {}
    if not isinstance(listed, list) or not isinstance(propagation, str) or not isinstance(preconditions, Mapping):
        raise bad_request("DeleteOptions cannot be decoded")
    orphan = body.get("orphanDependents") if "orphanDependents" in body else query.get("orphanDependents")
    if propagation and orphan is not None:
        raise invalid_options(
            "DeleteOptions",
            Cause(
                "FieldValueInvalid",
                f'Invalid value: "{propagation}": orphanDependents and deletionPropagation cannot be both set',
                "propagationPolicy",
            ),
        )
    if propagation and propagation not in _PROPAGATION:
        known = ", ".join(f'"{value}"' for value in (*_PROPAGATION, "nil"))
        raise invalid_options(
            "DeleteOptions",
            Cause(
                "FieldValueNotSupported",
                f'Unsupported value: "{propagation}": supported values: {known}',
                "propagationPolicy",
            ),
        )
    if orphan in (True, "true", "True"):
        propagation = "Orphan"
    return DeleteOptions(
        _dry_run(listed, "DeleteOptions"),
        propagation or "Background",
        str(preconditions.get("uid") or ""),
        str(preconditions.get("resourceVersion") or ""),
    )


def number(query: Mapping[str, str], name: str) -> int:
    """A whole number of the query, 0 when absent.

    Raises:
        ApiError: 400, it is no number.
    """
    text = query.get(name, "") or "0"
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
