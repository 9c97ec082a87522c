"""By which credentials KServe's storage initializer reads a bucket: those of the predictor's service account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kfp_lifecycle.adapters import kubernetes_objects
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.cli.doctor_checks.steps_settings import SECRETS
from kfp_lifecycle.core.diagnosis import Finding, ok, warning

_ROLES = {"s3": "eks.amazonaws.com/role-arn", "gs": "iam.gke.io/gcp-service-account"}
# KServe finds a Secret's purpose by this key.
_KEYS = {"s3": "AWS_ACCESS_KEY_ID", "gs": "gcloud-application-credentials.json"}
_ENDPOINT = "serving.kserve.io/s3-endpoint"
_MOST_SECRETS = 20


def secrets_of(connection: Connection, account: Mapping[str, Any], namespace: str) -> list[dict[str, Any]]:
    """The Secrets that a service account names and that exist."""
    names = [str(each.get("name")) for each in account.get("secrets") or []][:_MOST_SECRETS]
    found = [kubernetes_objects.get(connection, SECRETS, name, namespace) for name in names]
    return [each for each in found if each]


def judge_account(
    name: str,
    place: str,
    scheme: str,
    account: Mapping[str, Any],
    secrets: Sequence[Mapping[str, Any]],
    *,
    own_endpoint: bool,
) -> Finding:
    """Whether the account can read the place.

    Args:
        own_endpoint: the steps' s3 store is not AWS, so KServe has to be told its address too.
    """
    metadata = account.get("metadata") or {}
    who = f"service account {metadata.get('name', 'default')!r}"
    key = _KEYS[scheme]
    holders = [secret for secret in secrets if key in (secret.get("data") or {})]
    if not holders:
        if role := (metadata.get("annotations") or {}).get(_ROLES[scheme]):
            return ok(name, f"{place} by the role of {who}: {role}")
        remedy = (
            f"Name a Secret with the key {key} in its secrets, or annotate it with {_ROLES[scheme]}; nothing is to be "
            "done where the nodes themselves may read the bucket."
        )
        return warning(name, f"{place}: {who} names no Secret with {key} and no role", remedy)
    secret = holders[0]["metadata"]
    if scheme == "s3" and own_endpoint and _ENDPOINT not in (secret.get("annotations") or {}):
        remedy = f"Annotate it with {_ENDPOINT}, unless s3Endpoint in KServe's ConfigMap names it."
        return warning(name, f"{place}: Secret {secret['name']!r} does not say where the store is", remedy)
    return ok(name, f"{place} by Secret {secret['name']!r} of {who}")
