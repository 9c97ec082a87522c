"""Questions to the Kubernetes API about itself: what it serves, and what a caller may do there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.adapters.kubernetes_connection import Connection, request
from kfp_lifecycle.adapters.kubernetes_errors import Absent

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True)
class Right:
    """One verb on one resource; ``resource`` names a subresource too, as ``pods/log``."""

    verb: str
    group: str
    resource: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")


def rights(role: Mapping[str, Any]) -> list[Right]:
    """Everything that a Role allows."""
    return [
        Right(verb, group, resource)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def missing(connection: Connection, wanted: Iterable[Right], namespace: str, account: str = "") -> list[Right]:
    """The rights that the caller lacks, by one SelfSubjectAccessReview each.

    Args:
        account: ask for this service account of the namespace instead, which takes the right to impersonate it.

    Raises:
        KubernetesError: the API did not answer, or forbids to impersonate.
    """
    return [right for right in wanted if not _allowed(connection, right, namespace, account)]


def served(connection: Connection, group: str, version: str) -> frozenset[str]:
    """The resources of an API group's version, none where the group is unknown; every caller with a name may ask.

    Raises:
        KubernetesError: the API did not answer, or does not tell.
    """
    path = f"/apis/{group}/{version}"
    try:
        answer = request(connection, "get", path, verb="get", resource=path, namespace="")
    except Absent:
        return frozenset()
    return frozenset(str(each["name"]) for each in json.loads(answer.data).get("resources") or [])


def server_version(connection: Connection) -> str:
    """Of the API server, for example ``v1.36.0``."""
    answer = request(connection, "get", "/version", verb="get", resource="/version", namespace="")
    return str(json.loads(answer.data).get("gitVersion", ""))


def _allowed(connection: Connection, right: Right, namespace: str, account: str) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": namespace,
    }
    # A service account's groups are added by the API server.
    user = {"Impersonate-User": f"system:serviceaccount:{account}"} if account else {}
    answer = request(
        connection,
        "post",
        _REVIEWS,
        verb="create",
        resource="selfsubjectaccessreviews.authorization.k8s.io",
        namespace=namespace,
        body={
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        },
        header_params=user,
    )
    return bool((json.loads(answer.data).get("status") or {}).get("allowed"))
