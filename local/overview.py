"""What runs in the local cluster, for a terminal."""

from __future__ import annotations

import json
from typing import Any

from kfp_lifecycle.local import lifecycle
from kfp_lifecycle.local.service_overview import service_overviews
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

    cluster = Cluster(state)
    try:
        return service_overviews(cluster.objects, cluster.domain)
    finally:
        cluster.close()


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
