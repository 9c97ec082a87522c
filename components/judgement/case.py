"""A judgement under way: what it may write, and only while nobody has taken the release over."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from kfp_lifecycle.adapters import inference_services, release_writes
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.release_writes import Manifest
from kfp_lifecycle.components.judgement.memory import Memory, evidence_of
from kfp_lifecycle.components.judgement.request import JudgeRequest
from kfp_lifecycle.core import release, release_lease, service_manifests
from kfp_lifecycle.core.inference_service import Arm, LiveService
from kfp_lifecycle.core.release import Release, Superseded


class Stopped(RuntimeError):
    """The judge was asked to end; the canary keeps its share, and the evidence is in the record."""


@dataclass(frozen=True)
class Case:
    """What stays the same during a judgement.

    Attributes:
        stop: set when the pod is asked to end.
    """

    connection: Connection
    request: JudgeRequest
    epoch: int
    digest: str
    stop: threading.Event

    def canary(self) -> tuple[LiveService, Arm]:
        """The live service and the arm that is judged.

        Raises:
            Superseded: the service no longer holds it.
        """
        live = release_writes.read_service(self.connection, self.request.service, self.request.namespace)
        return live, _arm(live, self.digest, self.request.version)


def lease(request: JudgeRequest) -> datetime:
    """Until when the judge's release counts as alive without a further check."""
    return release_lease.lease(now(), request.rules.check_seconds)


def take(connection: Connection, request: JudgeRequest) -> Release:
    """Take the release over from deploy, or from a judge that died; the release under its new epoch.

    Raises:
        Superseded: it is no longer open.
    """

    def taken(record: release.ReleaseRecord) -> release.ReleaseRecord:
        if record.open is None or record.open.to_version != request.version:
            raise Superseded(f"the release of version {request.version} is no longer the open one")
        return release.taken_over(record, run_id=request.run_id, expires_at=lease(request))

    record = release_writes.change_record(connection, request.service, request.namespace, taken)
    return release.current(record, record.epoch)


def remember(case: Case, memory: Memory, weight: int, *, decided: bool = False) -> None:
    """Write what is known, and keep the release from expiring; once it is decided, for the next step to come.

    Raises:
        Superseded: somebody took the release over.
    """
    request = case.request
    expires_at = release_lease.handover(now()) if decided else lease(request)
    release_writes.change_record(
        case.connection,
        request.service,
        request.namespace,
        lambda record: release.judged(
            record, case.epoch, weight=weight, expires_at=expires_at, evidence=evidence_of(memory)
        ),
    )


def move(case: Case, weight: int) -> None:
    """Give the canary ``weight`` percent of the traffic.

    Raises:
        Superseded: somebody took the release over, or the canary is gone.
    """

    def heavier(live: LiveService, current: Release) -> Manifest | None:
        canary = _arm(live, case.digest, case.request.version)
        if canary.weight == weight:
            return None
        stable = live.stable.predictor if live.stable else current.previous_spec.get("predictor") or {}
        spec = service_manifests.canary_spec(live.mode, stable, canary.predictor, weight)
        return service_manifests.changed(live, spec)

    request = case.request
    release_writes.change_service(case.connection, request.service, request.namespace, case.epoch, heavier)


def pods(case: Case, workload: str) -> list[dict[str, object]]:
    """The pods of the canary."""
    request = case.request
    return inference_services.pods(case.connection, request.service, request.namespace, f"{workload}-")


def _arm(live: LiveService, digest: str, version: str) -> Arm:
    found = next((each for each in live.canaries if each.digest == digest), None)
    if found is None:
        raise Superseded(f"InferenceService {live.name!r} no longer holds version {version} as its canary")
    return found
