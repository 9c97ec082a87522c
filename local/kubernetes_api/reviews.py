"""Questions that store nothing: what may I do (SelfSubjectAccessReview), and a token please (TokenRequest)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kfp_lifecycle.local.kubernetes_api import errors
from kfp_lifecycle.local.kubernetes_api.access import AUDIENCE, Access, Attributes, User
from kfp_lifecycle.local.kubernetes_api.apply import owners_after_update
from kfp_lifecycle.local.kubernetes_api.errors import Cause
from kfp_lifecycle.local.kubernetes_api.managers import Manager, encode
from kfp_lifecycle.local.kubernetes_api.objects import timestamp
from kfp_lifecycle.local.kubernetes_api.schema import ANYTHING

REVIEW_VERSION = "authorization.k8s.io/v1"
SHORTEST_TOKEN = 600


def access_review(access: Access, user: User, body: Mapping[str, Any], manager: str) -> dict[str, Any]:
    """The SelfSubjectAccessReview with its answer in `status`.

    Raises:
        ApiError: 422, neither a resource nor a path is asked about, or both are.
    """
    given = body.get("spec")
    spec: dict[str, Any] = given if isinstance(given, dict) else {}
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if isinstance(resource, dict) == isinstance(path, dict):
        raise errors.invalid(
            "authorization.k8s.io",
            "",
            "",
            [
                Cause(
                    "FieldValueInvalid",
                    "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified",
                    "spec.resourceAttributes",
                )
            ],
        )
    asked = _asked(resource) if isinstance(resource, dict) else _asked_path(path or {})
    allowed = access.allows(user, asked)
    owners = owners_after_update(
        {"spec": {}}, {"spec": spec}, ANYTHING, {}, Manager(manager, "Update", REVIEW_VERSION), timestamp()
    )
    status: dict[str, Any] = {"allowed": allowed}
    if allowed:
        status["reason"] = "allowed by the rules of the local cluster"
    return {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": REVIEW_VERSION,
        "metadata": {"managedFields": encode(owners)},
        "spec": spec,
        "status": status,
    }


def _asked(resource: Mapping[str, Any]) -> Attributes:
    fields = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attributes(**{field: str(resource.get(field, "")) for field in fields})


def _asked_path(path: Mapping[str, Any]) -> Attributes:
    return Attributes(str(path.get("verb", "")), path=str(path.get("path", "")) or "/")


def token_request(access: Access, namespace: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The TokenRequest with a fresh token of this service account in `status`.

    Raises:
        ApiError: 404 for an account that no binding names, 422 for a lifetime below ten minutes.
    """
    user = f"system:serviceaccount:{namespace}:{name}"
    if not access.is_bound(user):
        raise errors.ApiError(
            404, f'serviceaccounts "{name}" not found', "NotFound", errors.details(name, "", "serviceaccounts")
        )
    spec = body.get("spec") or {}
    seconds, audiences = spec.get("expirationSeconds") or 3600, spec.get("audiences") or [AUDIENCE]
    if not isinstance(seconds, int) or not isinstance(audiences, list):
        raise errors.bad_request("TokenRequest cannot be decoded")
    if seconds < SHORTEST_TOKEN:
        raise errors.invalid(
            "authentication.k8s.io",
            "TokenRequest",
            "",
            [
                Cause(
                    "FieldValueInvalid",
                    f"Invalid value: {seconds}: may not specify a duration less than 10 minutes",
                    "spec.expirationSeconds",
                )
            ],
        )
    token, expires = access.issue(user, [str(audience) for audience in audiences], seconds)
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": timestamp()},
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": None},
        "status": {"token": token, "expirationTimestamp": timestamp(datetime.fromtimestamp(expires, UTC))},
    }
