"""What the controller does next about one InferenceService, as a plain value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kfp_lifecycle.local.gateway.routing import ServiceRoute
from kfp_lifecycle.local.kserve_controller.knative import Revision
from kfp_lifecycle.local.kserve_controller.templates import Template
from kfp_lifecycle.local.pods.kubelet import Pod

Weights = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Plan:
    """The next step.

    Attributes:
        start: revisions that lack a pod, with the template of it.
        stop: names of pods that go once the gateway sends them nothing any more.
        route: what the gateway is asked to do.
        weights: Standard only: what the HTTPRoutes say; None leaves them as they are.
        status: the InferenceService's status once the gateway does as asked.
        child: name and digest of the Deployment or Knative Service whose generation the status repeats.
        revisions: Knative only: the revisions to remember.
    """

    start: tuple[tuple[str, Template], ...]
    stop: tuple[str, ...]
    route: ServiceRoute
    weights: Weights | None
    status: dict[str, Any]
    child: tuple[str, str]
    revisions: tuple[Revision, ...] = field(default=())


def ready_ports(pods: Sequence[Pod], revision: str) -> tuple[int, ...]:
    """Ports of the revision's pods that take requests: the endpoints of its Service."""
    return tuple(
        pod.status.port for pod in pods if pod.spec.revision == revision and pod.status.ready and not pod.stopping
    )
