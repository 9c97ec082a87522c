"""Objects of the Kubernetes API as plain dictionaries: read, written under a condition, followed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes import watch
from kubernetes.client.exceptions import ApiException

from kfp_lifecycle.adapters.kubernetes_connection import (
    TIMEOUT,
    TRANSIENT_ERRORS,
    TRANSIENT_STATUS,
    Connection,
    request,
)
from kfp_lifecycle.adapters.kubernetes_errors import Absent, refusal

_HEARTBEAT = 2  # seconds after which a watch without news is renewed and the object read again
_GONE = 410


@dataclass(frozen=True)
class Kind:
    """A kind of object that the steps touch."""

    group: str
    version: str
    plural: str
    namespaced: bool = True

    @property
    def resource(self) -> str:
        """As RBAC messages write it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str, name: str = "") -> str:
        """The URL path of one object, or of all of them in the namespace."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{root}{scope}/{self.plural}" + (f"/{name}" if name else "")


INFERENCE_SERVICES = Kind("serving.kserve.io", "v1beta1", "inferenceservices")
CONFIG_MAPS = Kind("", "v1", "configmaps")
PODS = Kind("", "v1", "pods")
NAMESPACES = Kind("", "v1", "namespaces", namespaced=False)
HTTP_ROUTES = Kind("gateway.networking.k8s.io", "v1", "httproutes")


def get(connection: Connection, kind: Kind, name: str, namespace: str) -> dict[str, Any] | None:
    """The object, or None when it does not exist."""
    try:
        return _send(connection, "get", "get", kind, namespace, name)
    except Absent:
        return None


def find(
    connection: Connection, kind: Kind, namespace: str, labels: str, *, limit: int | None = None
) -> list[dict[str, Any]]:
    """The objects that a label selector finds, or the first ``limit`` of them."""
    options: dict[str, Any] = {"limit": limit} if limit else {}
    return list(_send(connection, "get", "list", kind, namespace, label_selector=labels, **options).get("items") or [])


def create(connection: Connection, kind: Kind, body: Mapping[str, Any]) -> dict[str, Any]:
    """Create the object; ``Conflict`` when it exists."""
    return _send(connection, "post", "create", kind, body["metadata"]["namespace"], body=body)


def replace(connection: Connection, kind: Kind, body: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the object; with a resourceVersion in the body, ``Conflict`` when it has changed since."""
    metadata = body["metadata"]
    return _send(connection, "put", "update", kind, metadata["namespace"], metadata["name"], body=body)


def delete(connection: Connection, kind: Kind, seen: Mapping[str, Any]) -> None:
    """Delete an object as it was seen; ``Conflict`` when it has changed since, ``Absent`` when it is gone."""
    metadata = seen["metadata"]
    conditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": conditions}
    _send(connection, "delete", "delete", kind, metadata["namespace"], metadata["name"], body=body)


def apply(
    connection: Connection, kind: Kind, body: Mapping[str, Any], manager: str, *, dry_run: bool = False
) -> dict[str, Any]:
    """One server-side apply; with a resourceVersion in the body, ``Conflict`` when the object has changed since."""
    metadata = body["metadata"]
    options = {"dry_run": "All"} if dry_run else {}
    return _send(
        connection,
        "patch",
        "patch",
        kind,
        metadata["namespace"],
        metadata["name"],
        body=body,
        content_type="application/apply-patch+yaml",
        field_manager=manager,
        **options,
    )


def follow(
    connection: Connection, kind: Kind, name: str, namespace: str, seconds: float
) -> Iterator[dict[str, Any] | None]:
    """The object now, then at each of its changes and at every heartbeat, until ``seconds`` have passed."""
    deadline = time.monotonic() + seconds
    while True:
        current = get(connection, kind, name, namespace)
        yield current
        opened = time.monotonic()
        if opened >= deadline:
            return
        version = current["metadata"]["resourceVersion"] if current else ""
        try:
            yield from _changes(
                connection, kind, name, namespace, version, max(1, min(_HEARTBEAT, int(deadline - opened)))
            )
        except TRANSIENT_ERRORS:
            pass  # a cut watch loses nothing: the object is read again
        except ApiException as error:
            # 410 means that the version is too old to watch from.
            if error.status != _GONE and error.status not in TRANSIENT_STATUS:
                raise refusal(error.status, error.body or error.reason, "watch", kind.resource, namespace) from error
        # A proxy that cuts watches at once must not turn this into a busy loop.
        time.sleep(max(0.0, 0.5 - (time.monotonic() - opened)))


def log(connection: Connection, namespace: str, pod: str, container: str, lines: int, previous: bool = False) -> str:
    """The last lines of a container's log; ``previous`` reads those of its last crash."""
    query = [("container", container), ("tailLines", str(lines))] + ([("previous", "true")] if previous else [])
    response = request(
        connection,
        "get",
        f"{PODS.path(namespace, pod)}/log",
        verb="get",
        resource="pods/log",
        namespace=namespace,
        query_params=query,
    )
    return str(response.data.decode("utf-8", "replace"))


def serves_group(connection: Connection, group: str) -> bool:
    """Whether the cluster has an API group; every authenticated caller may ask."""
    response = request(connection, "get", "/apis", verb="get", resource="/apis", namespace="")
    return any(each.get("name") == group for each in json.loads(response.data).get("groups") or [])


def _send(
    connection: Connection, method: str, verb: str, kind: Kind, namespace: str, name: str = "", **options: Any
) -> dict[str, Any]:
    response = request(
        connection,
        method,
        kind.path(namespace, name),
        verb=verb,
        resource=kind.resource,
        namespace=namespace,
        **options,
    )
    content: dict[str, Any] = json.loads(response.data)
    return content


def _changes(
    connection: Connection, kind: Kind, name: str, namespace: str, version: str, seconds: int
) -> Iterator[dict[str, Any] | None]:
    def open_stream(**options: Any) -> Any:
        return connection.request(
            "get",
            kind.path(namespace),
            serialize=False,
            field_selector=f"metadata.name={name}",
            _request_timeout=(TIMEOUT[0], seconds + 10),
            **options,
        )

    options = {"resource_version": version} if version else {}
    for event in watch.Watch().stream(open_stream, timeout_seconds=seconds, **options):
        if event["type"] != "BOOKMARK":
            yield None if event["type"] == "DELETED" else event["raw_object"]
