"""A pod of the local cluster and what happens to it in its life. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from kfp_lifecycle.local.settings import Timings


class Stage(StrEnum):
    """Where a pod is in its life."""

    FETCHING = "Fetching"  # the storage initializer runs
    WAITING = "Waiting"  # to be started, now or when the back-off is over
    RUNNING = "Running"
    TERMINATED = "Terminated"  # the process has just ended


@dataclass(frozen=True)
class PodSpec:
    """What to run: one model server.

    Attributes:
        revision: the Deployment (Standard) or Revision (Knative) that the pod belongs to.
        template: digest of everything that makes a new pod necessary when it changes.
        owner: uid of the InferenceService; a namesake made after a deletion has pods of its own.
        model_name: the name in the serving protocol.
        arguments: extra arguments of the server.
    """

    namespace: str
    name: str
    service: str
    revision: str
    template: str
    owner: str
    model_name: str
    storage_uri: str
    environment: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()

    @property
    def ready_path(self) -> str:
        """Path of the readiness probe. ``/v2/health/ready`` is true before a model is loaded."""
        return f"/v2/models/{self.model_name}/ready"


@dataclass(frozen=True)
class PodStatus:
    """What is known of a pod. Times are seconds since the epoch.

    Attributes:
        waits_until: when a waiting pod starts again.
        exit_code: of the last run; negative signals as a shell shows them (137 for SIGKILL).
        message: the last line of the last failed run, or why the storage could not be read.
        fetched: whether the model lies on disk; a failure before is the storage initializer's.
    """

    created: float
    stage: Stage = Stage.FETCHING
    ready: bool = False
    was_ready: bool = False
    fetched: bool = False
    restarts: int = 0
    started: float = 0.0
    ended: float = 0.0
    ended_run_started: float = 0.0
    waits_until: float = 0.0
    exit_code: int | None = None
    message: str = ""
    misses: int = 0
    port: int = 0
    pid: int = 0

    @property
    def failed(self) -> bool:
        """The last run ended with an error and no new one has begun."""
        return self.exit_code not in (None, 0) and self.stage in (Stage.TERMINATED, Stage.WAITING)


def fetched(status: PodStatus) -> PodStatus:
    """The model lies on disk; start as soon as possible."""
    return replace(status, stage=Stage.WAITING, fetched=True, waits_until=0.0, exit_code=None)


def started(status: PodStatus, *, pid: int, port: int, now: float) -> PodStatus:
    """The process runs; it is not ready until a probe says so."""
    restarts = status.restarts + (status.exit_code is not None)
    return replace(
        status, stage=Stage.RUNNING, pid=pid, port=port, started=now, restarts=restarts, misses=0, ready=False
    )


def ended(status: PodStatus, *, exit_code: int, message: str, now: float) -> PodStatus:
    """The process, or the storage initializer, has ended; a server that ends is not ready, whatever its code."""
    shown = 128 - exit_code if exit_code < 0 else exit_code
    return replace(
        status,
        stage=Stage.TERMINATED,
        ready=False,
        ended=now,
        ended_run_started=status.started or status.created,
        exit_code=shown,
        message=message,
        pid=0,
    )


def backed_off(status: PodStatus, timings: Timings) -> PodStatus:
    """The wait before the next run: none before the first restart, then doubling, as a kubelet does."""
    past = status.restarts
    delay = 0.0 if past == 0 else min(timings.back_off * 2 ** (past - 1), timings.back_off_most)
    return replace(status, stage=Stage.WAITING, waits_until=status.ended + delay)


def probed(status: PodStatus, *, success: bool, timings: Timings) -> PodStatus:
    """Readiness after a probe: one success makes a pod ready, several misses in a row make it not ready."""
    if status.stage is not Stage.RUNNING:
        return status
    if success:
        return replace(status, ready=True, was_ready=True, misses=0)
    misses = status.misses + 1
    return replace(status, misses=misses, ready=status.ready and misses < timings.probe_failures)
