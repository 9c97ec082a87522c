"""Whether a canary's servers run, as the API tells: its pods' restarts and its readiness. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kfp_lifecycle.core import rollout
from kfp_lifecycle.core.inference_service import Arm, LiveService, Mode

Restarts = Mapping[str, int]


def restarts(pods: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How often containers were started again, by pod."""
    return {str(pod["metadata"]["name"]): _restarts(pod) for pod in pods}


def new_restarts(before: Restarts, now: Restarts) -> int:
    """The restarts since ``before``; a pod that was not there starts at none."""
    return sum(max(0, count - before.get(pod, 0)) for pod, count in now.items())


def last_end(pods: Sequence[Mapping[str, Any]]) -> str:
    """How a container that was started again had ended; empty when none was."""
    for pod in pods:
        for container in (pod.get("status") or {}).get("containerStatuses") or []:
            ended = (container.get("lastState") or {}).get("terminated") or {}
            if container.get("restartCount") and ended:
                cause = ended.get("message") or ended.get("reason") or "no reason given"
                return f"container {container.get('name')} ended with exit code {ended.get('exitCode')}: {cause}"
    return ""


def why_not_ready(live: LiveService, canary: Arm, revision: str) -> str:
    """Why the canary does not serve; empty when it does.

    Args:
        revision: the name under which its requests are counted; in Knative mode its revision.
    """
    if live.mode is Mode.STANDARD:
        statuses = live.status.get("canaryStatuses") or []
        found: Mapping[str, Any] = next((each for each in statuses if each.get("name") == canary.name), {})
        return "" if found.get("ready") else f"canary {canary.name} is not ready"
    status = rollout.predictor_status(live)
    if status.get("latestReadyRevision") != revision:
        return f"the latest ready revision is {status.get('latestReadyRevision') or 'none'}, not {revision}"
    ready = rollout.conditions(live).get("Ready") or {}
    return "" if ready.get("status") == "True" else f"condition Ready is {ready.get('status', 'absent')}"


def _restarts(pod: Mapping[str, Any]) -> int:
    return sum(int(each.get("restartCount") or 0) for each in (pod.get("status") or {}).get("containerStatuses") or [])
