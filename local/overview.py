"""What runs in the local cluster, for a terminal."""

from __future__ import annotations

import json
from typing import Any

from kfp_lifecycle.local import lifecycle
from kfp_lifecycle.local.kserve_controller.projections import PID_ANNOTATION, PORT_ANNOTATION
from kfp_lifecycle.local.settled import arm_of
from kfp_lifecycle.local.settled import container as container_of
from kfp_lifecycle.local.state import StateFolder

Object = dict[str, Any]


def show(state: StateFolder, *, as_json: bool) -> int:
    """Print the overview; 0 if the cluster is ready, 3 if it is not."""
    known = lifecycle.record(state)
    if known is None:
        print(json.dumps({"ready": False}) if as_json else f"not running, state in {state.path}")
        return 3
    services = _services(state) if known["ready"] else []
    if as_json:
        keys = ("ready", "urls", "pids")
        print(json.dumps({key: known[key] for key in keys} | {"services": services}, indent=2))
    else:
        _print(known, services)
    return 0 if known["ready"] else 3


def _services(state: StateFolder) -> list[Object]:
    from kfp_lifecycle.local.cluster import Cluster
    from kfp_lifecycle.local.kserve_controller import conditions as c

    cluster = Cluster(state)
    found = []
    for service in cluster.objects.services()[0]:
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        status = service.get("status") or {}
        weights = cluster.weights(name, namespace=namespace)
        pods = cluster.pods(name, namespace=namespace)
        found.append(
            {
                "name": name,
                "namespace": namespace,
                "mode": status.get("deploymentMode", ""),
                "ready": c.one(status.get("conditions") or (), c.READY).get("status", c.UNKNOWN),
                "host": cluster.host(name, namespace=namespace),
                "weights": weights,
                "pods": [_pod(pod, arm_of(pod)) for pod in pods],
            }
        )
    cluster.close()
    return found


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


def _print(known: Object, services: list[Object]) -> None:
    for name, pid in known["pids"].items():
        url = known["urls"].get(name, known["urls"]["kubernetes"])
        print(f"{name:<12} {url:<28} pid {pid}")
    for service in services:
        print(f"\n{service['namespace']}/{service['name']}  {service['mode']}  ready={service['ready']}")
        print(f"  Host: {service['host']}")
        for revision, weight in service["weights"].items():
            print(f"  {weight:>3} %  {revision}")
        for pod in service["pods"]:
            ready = "ready" if pod["ready"] else pod["state"]
            print(f"  pod {pod['name']}  {ready}  restarts {pod['restarts']}  port {pod['port']}")
