"""The names under which a data plane counts the two arms of a service."""

from __future__ import annotations

from dataclasses import dataclass

from kfp_lifecycle.core.inference_service import LiveService, Mode
from kfp_lifecycle.core.rollout import predictor_status
from kfp_lifecycle.core.service_addresses import workload


class NoCanary(ValueError):
    """The service has no two arms to compare; the message says what it has instead."""


@dataclass(frozen=True)
class Arms:
    """What the canary is compared with.

    Attributes:
        canary: Standard mode: the arm's Service and Deployment, ``{service}-{arm}-predictor``; Knative mode: the
            revision.
        stable: the same for the stable arm.
    """

    service: str
    namespace: str
    canary: str
    stable: str


def arms_of(live: LiveService) -> Arms:
    """The arms of a service as it stands; names are never derived from a template, as a promotion changes them.

    Raises:
        NoCanary: it has none, or more than one, or Knative does not split the traffic yet.
    """
    canary, stable = _standard(live) if live.mode is Mode.STANDARD else _knative(live)
    return Arms(live.name, live.namespace, canary, stable)


def _standard(live: LiveService) -> tuple[str, str]:
    if live.stable is None or live.canary is None:
        raise NoCanary(f"{live.namespace}/{live.name} has no canary: its spec.canary is empty")
    if len(live.canaries) > 1:
        found = ", ".join(each.name or "(no name)" for each in live.canaries)
        raise NoCanary(f"{live.namespace}/{live.name} has {len(live.canaries)} canaries ({found}), not one")
    return workload(live.name, live.canary.name), workload(live.name, live.stable.name)


def _knative(live: LiveService) -> tuple[str, str]:
    where = f"{live.namespace}/{live.name}"
    if live.canary is None:
        raise NoCanary(f"{where} has no canary: its spec holds the champion {live.champion_version or '(none named)'}")
    status = predictor_status(live)
    created, ready = str(status.get("latestCreatedRevision", "")), str(status.get("latestReadyRevision", ""))
    stable = str(status.get("latestRolledoutRevision", ""))
    if not ready or created != ready:
        raise NoCanary(f"{where}: its canary revision {created or '(none)'} is not ready; ready is {ready or 'none'}")
    routed = [str(each.get("revisionName", "")) for each in status.get("traffic") or []]
    if stable == ready or not {stable, ready} <= set(routed):
        shown = ", ".join(routed) or "none"
        raise NoCanary(
            f"{where} has no canary: the traffic list shows {shown}, "
            f"while {stable or '(none)'} is rolled out and {ready} is the latest that is ready"
        )
    return ready, stable
