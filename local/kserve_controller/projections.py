"""What users see besides the InferenceService: pods and HTTPRoutes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kfp_lifecycle.local.kserve_controller import names
from kfp_lifecycle.local.kserve_controller.conditions import timestamp
from kfp_lifecycle.local.kserve_controller.templates import CONTAINER, Manifest
from kfp_lifecycle.local.pods.kubelet import INITIALIZER, Pod
from kfp_lifecycle.local.pods.pod import PodStatus, Stage

# A pod's own address does not exist here: where its server really listens, and its process.
PID_ANNOTATION = "kfp-lifecycle/local-pid"
PORT_ANNOTATION = "kfp-lifecycle/local-port"
_PORT = 8080


def owner(service: Manifest) -> dict[str, Any]:
    """The reference that names an InferenceService as controller of an object."""
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "name": service["metadata"]["name"],
        "uid": service["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pod_manifest(service: Manifest, pod: Pod, *, standard: bool) -> dict[str, Any]:
    """The Pod object of a model server; no time in it moves on by itself, so that equal states are equal objects."""
    spec, status = pod.spec, pod.status
    labels = {
        **(service["metadata"].get("labels") or {}),
        "component": "predictor",
        "serving.kserve.io/inferenceservice": spec.service,
    }
    if standard:
        labels["app"] = f"isvc.{spec.revision}"
    else:
        labels["serving.knative.dev/revision"] = spec.revision
    environment = [{"name": name, "value": value} for name, value in spec.environment]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": spec.name,
            "namespace": spec.namespace,
            "labels": labels,
            "annotations": {PID_ANNOTATION: str(status.pid), PORT_ANNOTATION: str(status.port)},
            "ownerReferences": [owner(service)],
        },
        "spec": {
            "initContainers": [{"name": INITIALIZER, "image": "local", "args": [spec.storage_uri, "/mnt/models"]}],
            "containers": [
                {
                    "name": CONTAINER,
                    "image": "local",
                    "args": list(spec.arguments),
                    "env": environment,
                    "ports": [{"containerPort": _PORT, "protocol": "TCP"}],
                    "readinessProbe": {"httpGet": {"path": spec.ready_path, "port": _PORT}},
                }
            ],
            "nodeName": "local",
            "restartPolicy": "Always",
        },
        "status": _pod_status(status),
    }


def http_routes(service: Manifest, weights: Sequence[tuple[str, int]], *, domain: str) -> list[dict[str, Any]]:
    """The two HTTPRoutes of a Standard InferenceService; a split has weights, a single backend has none."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    hosts = {
        name: names.service_host(name, namespace, domain),
        f"{name}-predictor": names.predictor_host(name, namespace, domain),
    }
    return [_http_route(service, route, host, weights) for route, host in hosts.items()]


def _http_route(service: Manifest, name: str, host: str, weights: Sequence[tuple[str, int]]) -> dict[str, Any]:
    namespace = service["metadata"]["namespace"]
    split = bool(service["spec"].get("canary"))
    backends = [
        {"group": "", "kind": "Service", "name": deployment, "namespace": namespace, "port": 80}
        | ({"weight": weight} if split else {"weight": 1})
        for deployment, weight in weights
    ]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": [owner(service)]},
        "spec": {
            "hostnames": [host],
            "parentRefs": [
                {
                    "group": "gateway.networking.k8s.io",
                    "kind": "Gateway",
                    "name": "kserve-ingress-gateway",
                    "namespace": "kserve",
                }
            ],
            "rules": [
                {
                    "backendRefs": backends,
                    "matches": [{"path": {"type": "RegularExpression", "value": "^/.*$"}}],
                    "timeouts": {"request": "60s"},
                }
            ],
        },
    }


def _pod_status(status: PodStatus) -> dict[str, Any]:
    begun = status.fetched
    ready = "True" if status.ready else "False"
    conditions = [
        {"type": "Initialized", "status": "True" if begun else "False"},
        {"type": "Ready", "status": ready},
        {"type": "ContainersReady", "status": ready},
        {"type": "PodScheduled", "status": "True"},
    ]
    initializer = _initialized() if begun else _container_state(status)
    container = _container_state(status) if begun else {"state": {"waiting": {"reason": "PodInitializing"}}}
    return {
        "phase": "Running" if begun else "Pending",
        "startTime": timestamp(status.created),
        "hostIP": "127.0.0.1",
        "podIP": "127.0.0.1",
        "conditions": conditions,
        "initContainerStatuses": [
            {"name": INITIALIZER, "image": "local", "imageID": "", "ready": begun}
            | {"restartCount": 0 if begun else status.restarts}
            | initializer
        ],
        "containerStatuses": [
            {"name": CONTAINER, "image": "local", "imageID": "", "ready": status.ready}
            | {"restartCount": status.restarts if begun else 0, "started": status.stage is Stage.RUNNING}
            | container
        ],
    }


def _initialized() -> dict[str, Any]:
    return {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}


def _container_state(status: PodStatus) -> dict[str, Any]:
    past = {
        "terminated": {
            "exitCode": status.exit_code or 0,
            "reason": "Error" if status.exit_code else "Completed",
            "message": status.message,
            "startedAt": timestamp(status.ended_run_started),
            "finishedAt": timestamp(status.ended),
        }
    }
    last = {"lastState": past} if status.exit_code is not None else {}
    if status.stage in (Stage.RUNNING, Stage.FETCHING):
        return {"state": {"running": {"startedAt": timestamp(status.started or status.created)}}} | last
    if status.stage is Stage.TERMINATED:
        return {"state": past}
    if status.exit_code is None:
        return {"state": {"waiting": {"reason": "ContainerCreating"}}}
    text = f"back-off restarting failed container; next try at {timestamp(status.waits_until)}"
    return {"state": {"waiting": {"reason": "CrashLoopBackOff", "message": text}}} | last
