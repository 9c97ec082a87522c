"""What serves in the local cluster: InferenceServices with their weights and pods, for terminal and status page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.local.kserve_controller import conditions as c
from kfp_lifecycle.local.kserve_controller import names
from kfp_lifecycle.local.kserve_controller.objects import Objects, controller_uid
from kfp_lifecycle.local.kserve_controller.projections import PID_ANNOTATION, PORT_ANNOTATION
from kfp_lifecycle.local.settled import arm_of, weights
from kfp_lifecycle.local.settled import container as container_of

Object = dict[str, Any]


def service_overviews(objects: Objects, domain: str) -> list[Object]:
    """All services: name, namespace, mode, readiness, host, weights and pods; three requests however many there are.

    Raises:
        kubernetes.client.exceptions.ApiException, urllib3.exceptions.HTTPError: the API refused, or is away.
    """
    services = objects.everywhere("InferenceService")
    if not services:
        return []
    routes = {_place(route): route for route in objects.everywhere("HTTPRoute")}
    pods: dict[str, list[Object]] = {}
    for pod in objects.everywhere("Pod"):
        pods.setdefault(controller_uid(pod), []).append(pod)
    return [
        service_overview(service, pods.get(service["metadata"]["uid"], []), routes.get(_place(service)), domain)
        for service in services
    ]


def service_overview(
    service: Mapping[str, Any], pods: list[Object], route: Mapping[str, Any] | None, domain: str
) -> Object:
    """One service, from the InferenceService, its pods and, in Standard mode, its HTTPRoute."""
    namespace, name = _place(service)
    status = service.get("status") or {}
    return {
        "name": name,
        "namespace": namespace,
        "mode": status.get("deploymentMode", ""),
        "ready": c.one(status.get("conditions") or (), c.READY).get("status", c.UNKNOWN),
        "host": names.service_host(name, namespace, domain),
        "weights": weights(service, route),
        "pods": [_pod(pod, arm_of(pod)) for pod in pods],
    }


def _place(one: Mapping[str, Any]) -> tuple[str, str]:
    return one["metadata"]["namespace"], one["metadata"]["name"]


def _pod(pod: Object, revision: str) -> Object:
    container = container_of(pod)
    [state] = container["state"] or {"unknown": {}}
    return {
        "name": pod["metadata"]["name"],
        "revision": revision,
        "ready": container["ready"],
        "restarts": container["restartCount"],
        "state": container["state"].get(state, {}).get("reason", state),
        "port": int(pod["metadata"]["annotations"][PORT_ANNOTATION]),
        "pid": int(pod["metadata"]["annotations"][PID_ANNOTATION]),
    }
