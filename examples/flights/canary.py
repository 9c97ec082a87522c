"""What the demonstration reads from and writes to the InferenceService."""

from __future__ import annotations

import os

from kfp_lifecycle.adapters import inference_services, kubernetes_connection
from kfp_lifecycle.core.inference_service import LiveService
from kfp_lifecycle.core.service_addresses import workload
from kfp_lifecycle.core.service_manifests import without_canary
from kfp_lifecycle.local.cluster import Cluster

NAMESPACE = "default"


def _read(cluster: Cluster, service: str) -> tuple[kubernetes_connection.Connection, LiveService]:
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig_steps)
    connection = kubernetes_connection.connect()
    live = inference_services.read(connection, service, NAMESPACE)
    if live is None:
        raise SystemExit(f"there is no InferenceService {service}")
    return connection, live


def arms(cluster: Cluster, service: str) -> tuple[str, str]:
    """The revisions of the champion and of the canary beside it."""
    _, live = _read(cluster, service)
    if live.stable is None or live.canary is None:
        raise SystemExit(f"{service} has no canary; its spec is {live.spec}")
    return workload(service, live.stable.name), workload(service, live.canary.name)


def remove(cluster: Cluster, service: str) -> None:
    """Give all traffic back to the champion: one apply, refused if anybody changed the service since it was read."""
    connection, live = _read(cluster, service)
    inference_services.apply(connection, without_canary(live))
    cluster.wait_ready(service)
