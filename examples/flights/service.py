"""What the demonstration reads of the service: who is champion, what its judge saw, and when a canary stands."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass

from kfp_lifecycle.adapters import inference_services, kubernetes_connection, release_records
from kfp_lifecycle.core.inference_service import LiveService
from kfp_lifecycle.core.release import JUDGE_EVIDENCE, Release
from kfp_lifecycle.local.cluster import Cluster

NAMESPACE = "default"


@dataclass(frozen=True)
class Share:
    """The canary's share of the requests at one weight, both in percent."""

    asked: int
    observed: float
    requests: int


def live(cluster: Cluster, service: str) -> LiveService:
    """The service as it is now."""
    found = inference_services.read(_connection(cluster), service, NAMESPACE)
    if found is None:
        raise SystemExit(f"there is no InferenceService {service}")
    return found


def newest_release(cluster: Cluster, service: str) -> Release:
    """The last release of its record."""
    stored = release_records.read(_connection(cluster), service, NAMESPACE)
    if stored is None or stored.record.newest is None:
        raise SystemExit(f"there is no release record of {service}")
    return stored.record.newest


def wait_for_canary(cluster: Cluster, service: str, version: str, run: subprocess.Popen[bytes]) -> None:
    """Return when the version answers as a canary and waits for its judge, or when its run has ended."""
    while run.poll() is None:
        release = newest_release(cluster, service)
        if release.to_version == version and release.state == "serving":
            return
        time.sleep(0.5)


def shares(release: Release) -> list[Share]:
    """What the judge counted at each weight; the first check at a weight is left out, as the judge does."""
    counted: dict[int, tuple[int, int]] = {}
    for _, weight, arms, _, seen, *_ in release.evidence[JUDGE_EVIDENCE]["state"]["records"]:
        if seen == "counted":
            canary, _, stable, _ = arms["errors"]
            before = counted.get(weight, (0, 0))
            counted[weight] = (before[0] + canary, before[1] + canary + stable)
    return [Share(weight, 100 * canary / total, total) for weight, (canary, total) in sorted(counted.items())]


def _connection(cluster: Cluster) -> kubernetes_connection.Connection:
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig_steps)
    return kubernetes_connection.connect()
