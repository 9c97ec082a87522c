"""Errors of the API as Status objects, worded as kube-apiserver words them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.local.kubernetes_api.resources import Kind


class ApiError(Exception):
    """A refusal that the client sees as a Status with this HTTP code."""

    def __init__(self, code: int, message: str, reason: str = "", details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.details = details

    def status(self) -> dict[str, Any]:
        """The Status object; keys without a value are left out as the real server does."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = dict(self.details)
        body["code"] = self.code
        return body


@dataclass(frozen=True)
class Cause:
    """One reason why a value is refused: machine reason, text and the path of the field."""

    reason: str
    message: str
    field: str

    @property
    def text(self) -> str:
        return f"{self.field}: {self.message}"


def details(name: str, group: str, kind: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if name:
        found["name"] = name
    if group:
        found["group"] = group
    if kind:
        found["kind"] = kind
    found.update(more)
    return found


def bad_request(message: str) -> ApiError:
    return ApiError(400, message, "BadRequest")


def not_found(kind: Kind, name: str) -> ApiError:
    return ApiError(404, f'{kind.qualified} "{name}" not found', "NotFound", details(name, kind.group, kind.plural))


def no_such_resource() -> ApiError:
    return ApiError(404, "the server could not find the requested resource", "NotFound", {})


def already_exists(kind: Kind, name: str, *, being_deleted: bool = False) -> ApiError:
    prefix = "object is being deleted: " if being_deleted else ""
    return ApiError(
        409,
        f'{prefix}{kind.qualified} "{name}" already exists',
        "AlreadyExists",
        details(name, kind.group, kind.plural),
    )


def conflict(kind: Kind, name: str, why: str = "") -> ApiError:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    return ApiError(
        409,
        f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}',
        "Conflict",
        details(name, kind.group, kind.plural),
    )


def precondition_failed(kind: Kind, name: str, why: str) -> ApiError:
    return ApiError(
        409,
        f'Operation cannot be fulfilled on {kind.qualified_kind} "{name}": {why}',
        "Conflict",
        details(name, kind.group, kind.kind),
    )


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """422 that lists every cause. `kind` is the Kind, or the plural where the real server says so."""
    texts = list(dict.fromkeys(cause.text for cause in causes))
    joined = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    qualified = f"{kind}.{group}" if group else kind
    listed = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    return ApiError(
        422, f'{qualified} "{name}" is invalid: {joined}', "Invalid", details(name, group, kind, causes=listed)
    )


def invalid_options(kind: str, cause: Cause) -> ApiError:
    return invalid("meta.k8s.io", kind, "", [cause])


def version_required(kind: Kind, name: str) -> ApiError:
    cause = Cause("FieldValueInvalid", "Invalid value: 0: must be specified for an update", "metadata.resourceVersion")
    return invalid(kind.group, kind.plural, name, [cause])


def method_not_allowed() -> ApiError:
    return ApiError(405, "the server does not allow this method on the requested resource", "MethodNotAllowed", {})


def unsupported_media(accepted: Sequence[str]) -> ApiError:
    return ApiError(
        415,
        "the body of the request was in an unknown format - accepted media types include: " + ", ".join(accepted),
        "UnsupportedMediaType",
    )


def not_implemented(what: str) -> ApiError:
    """The honest answer for everything that this stand-in does not do."""
    return ApiError(501, f"the local Kubernetes API does not serve {what}", "NotImplemented")


def expired(message: str) -> ApiError:
    return ApiError(410, message, "Expired")
