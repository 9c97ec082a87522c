"""What the Kubernetes API can answer, as errors that say what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

ROLE_MANIFEST = "kserve/manifests/role.yaml"

_DENIED = "admission webhook"


class KubernetesError(RuntimeError):
    """The API refused a request; ``status`` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class Conflict(KubernetesError):
    """Somebody else was faster: read again and decide again."""


class FieldConflict(KubernetesError):
    """Another field manager owns a field that this write sets; reading again does not help."""


class Forbidden(KubernetesError):
    """A right is missing."""


class Absent(KubernetesError):
    """The object, its namespace or its whole API does not exist."""


class Invalid(KubernetesError):
    """The object does not fit the API's schema or its admission rules."""


def refusal(status: int, body: str | bytes | None, verb: str, resource: str, namespace: str) -> KubernetesError:
    """The error for an answer that a retry does not change.

    Args:
        body: the answer; a Kubernetes ``Status`` object, or whatever a proxy put in its place.
        verb: the verb that RBAC knows, such as ``patch``.
        resource: the plural with its group, such as ``inferenceservices.serving.kserve.io``.
    """
    content = _status_object(body)
    message = str(content.get("message") or _text(body)[:500] or f"HTTP {status}")
    # A webhook that says no answers 403 too, and no right would help.
    denied = status == 403 and _DENIED in message
    if status == 403 and not denied:
        return Forbidden(
            status,
            f"Kubernetes refused to {verb} {resource} in namespace {namespace!r}: {message}. Apply {ROLE_MANIFEST} in "
            f"that namespace, or give the run's service account the verb {verb!r} on {resource!r} there.",
        )
    if status == 401:
        return Forbidden(
            status,
            f"Kubernetes does not know the caller that wants to {verb} {resource}: {message}. Check the token of the "
            "kubeconfig or of the service account.",
        )
    if status == 409 and _is_field_conflict(content):
        return FieldConflict(
            status,
            f"{message}. Another writer owns these fields of {resource}: undo its change there (kubectl get -o yaml "
            "--show-managed-fields shows it), then run again.",
        )
    kind = {404: Absent, 409: Conflict, 400: Invalid, 422: Invalid}.get(status, KubernetesError)
    if denied or is_schema_error(status, body):
        kind = Invalid
    return kind(status, f"cannot {verb} {resource} in namespace {namespace!r}: {message}")


def is_schema_error(status: int, body: str | bytes | None) -> bool:
    """A server-side apply of an unknown field or a wrong type is answered by 500, and no retry helps."""
    return status == 500 and "failed to create typed patch object" in _text(body)


def _is_field_conflict(content: Mapping[str, Any]) -> bool:
    causes = (content.get("details") or {}).get("causes") or []
    return any(cause.get("reason") == "FieldManagerConflict" for cause in causes)


def _status_object(body: str | bytes | None) -> Mapping[str, Any]:
    try:
        content = json.loads(_text(body))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _text(body: str | bytes | None) -> str:
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
