"""The controller's view of the Kubernetes API: the official client, plain dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubernetes.client import ApiClient, CoreV1Api, CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from kubernetes.watch import Watch

from kfp_lifecycle.local.kserve_controller.templates import CONTAINER

Object = dict[str, Any]

SERVICES = ("serving.kserve.io", "v1beta1", "inferenceservices")
_PATHS = {
    "Pod": "/api/v1/namespaces/{namespace}/pods",
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
    "HTTPRoute": "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes",
    "InferenceService": "/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices",
}
_WATCH_SECONDS = 60


class Objects:
    """Reads and writes objects with the rights of one token; ``timeout`` in seconds holds for each request."""

    def __init__(self, client: ApiClient, *, timeout: float = 30) -> None:
        self._client = client
        self._timeout = timeout

    def services(self) -> tuple[list[Object], str]:
        """All InferenceServices, and the version from which to watch."""
        page = CustomObjectsApi(self._client).list_cluster_custom_object(*SERVICES)
        return list(page["items"]), str(page["metadata"]["resourceVersion"])

    def changes(self, version: str) -> Iterator[tuple[str, Object]]:
        """Kind of change and InferenceService, for a minute or until the server ends it."""
        listing = CustomObjectsApi(self._client).list_cluster_custom_object
        stream = Watch().stream(listing, *SERVICES, resource_version=version, timeout_seconds=_WATCH_SECONDS)
        for event in stream:
            yield str(event["type"]), event["object"]

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """An object, None if there is none of this name."""
        try:
            return self._call("GET", f"{_path(kind, namespace)}/{name}")
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def owned(self, kind: str, service: Mapping[str, Any]) -> list[Object]:
        """Objects of a kind that this InferenceService controls."""
        metadata = service["metadata"]
        found = self._list(kind, _path(kind, metadata["namespace"]))
        return [one for one in found if controller_uid(one) == metadata["uid"]]

    def everywhere(self, kind: str) -> list[Object]:
        """Objects of a kind in all namespaces."""
        return self._list(kind, _PATHS[kind].replace("/namespaces/{namespace}", ""))

    def ensure_namespace(self, name: str) -> None:
        """Make the namespace unless it is there."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        try:
            self._call("POST", "/api/v1/namespaces", body)
        except ApiException as error:
            if error.status != 409:
                raise

    def apply(self, body: Object, *, manager: str, force: bool = False) -> Object:
        """Server-side apply."""
        metadata = body["metadata"]
        path = f"{_path(body['kind'], metadata.get('namespace', 'default'))}/{metadata['name']}"
        query = [("fieldManager", manager), ("force", str(force).lower())]
        return self._call("PATCH", path, body, query=query, form="application/apply-patch+yaml") or {}

    def merge(self, kind: str, namespace: str, name: str, change: Object) -> Object:
        """Merge patch."""
        form = "application/merge-patch+json"
        return self._call("PATCH", f"{_path(kind, namespace)}/{name}", change, form=form) or {}

    def put(self, wanted: Object, existing: Object | None) -> None:
        """Bring an object into the wanted form, its status too."""
        metadata = wanted["metadata"]
        base = _path(wanted["kind"], metadata["namespace"])
        if existing is None:
            existing = self._call("POST", base, wanted) or {}
        elif _differs(wanted, existing, ("spec", "data")) or _differs(
            metadata, existing["metadata"], ("annotations", "ownerReferences")
        ):
            version = existing["metadata"]["resourceVersion"]
            body = {**wanted, "metadata": {**metadata, "resourceVersion": version}}
            existing = self._call("PUT", f"{base}/{metadata['name']}", body) or {}
        if _differs(wanted, existing, ("status",)):
            kind = {name: wanted[name] for name in ("apiVersion", "kind", "status")}
            self._call("PUT", f"{base}/{metadata['name']}/status", {**existing, **kind})

    def put_status(self, service: Object, status: Object) -> None:
        """Write an InferenceService's status; a 409 means that the object has moved on meanwhile."""
        metadata = service["metadata"]
        path = f"{_path('InferenceService', metadata['namespace'])}/{metadata['name']}/status"
        self._call("PUT", path, {**service, "status": status})

    def pod_log(self, namespace: str, name: str, container: str = CONTAINER) -> str:
        """What a container wrote in its last run."""
        log = CoreV1Api(self._client).read_namespaced_pod_log(name, namespace, container=container)
        return str(log)

    def delete(self, one: Object) -> None:
        """Delete an object; it may be gone already."""
        metadata = one["metadata"]
        query = [("gracePeriodSeconds", "0")]
        try:
            self._call("DELETE", f"{_path(one['kind'], metadata['namespace'])}/{metadata['name']}", query=query)
        except ApiException as error:
            if error.status != 404:
                raise

    def _list(self, kind: str, path: str) -> list[Object]:
        page = self._call("GET", path) or {}
        return [{**one, "kind": kind} for one in page.get("items", [])]

    def _call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        query: Sequence[tuple[str, str]] = (),
        form: str = "application/json",
    ) -> Object | None:
        answer = self._client.call_api(
            path,
            method,
            query_params=list(query),
            header_params={"Accept": "application/json", "Content-Type": form},
            body=body,
            response_type="object",
            auth_settings=["BearerToken"],
            _return_http_data_only=True,
            # A pair, to connect and to answer: the client takes a lone float for no timeout at all.
            _request_timeout=(self._timeout, self._timeout),
        )
        return answer if isinstance(answer, dict) else None


def _path(kind: str, namespace: str) -> str:
    return _PATHS[kind].format(namespace=namespace)


def _differs(wanted: Object, existing: Object, parts: tuple[str, ...]) -> bool:
    return any(part in wanted and not _holds(existing.get(part), wanted[part]) for part in parts)


def _holds(existing: object, wanted: object) -> bool:
    """Whether everything wanted is there; the server may have filled in defaults besides."""
    if isinstance(wanted, dict) and isinstance(existing, dict):
        return all(name in existing and _holds(existing[name], value) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(existing, list):
        return len(wanted) == len(existing) and all(map(_holds, existing, wanted))
    return existing == wanted


def controller_uid(one: Object) -> str:
    """The uid of the InferenceService that controls an object; empty if none does."""
    owners = one["metadata"].get("ownerReferences") or []
    return next((str(owner["uid"]) for owner in owners if owner.get("kind") == "InferenceService"), "")
