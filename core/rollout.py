"""Whether an InferenceService does what it was asked, as its status tells.

``Ready`` alone proves nothing: it goes through Unknown in a healthy rollout, stays True beside crashing pods, and
may still speak of the spec before (facts: kserve#5443, #1859, #1474, #6081). So everything is asked for at once, and
the last word belongs to an inference probe at the new arm's own address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kfp_lifecycle.core.inference_service import LiveService, Mode
from kfp_lifecycle.core.service_addresses import workload

_FATAL = ("BlockedByFailedLoad", "InvalidSpec")
_FATAL_WAITING = ("CrashLoopBackOff", "InvalidImageName", "CreateContainerConfigError", "ErrImageNeverPull")


class Progress(StrEnum):
    """How a rollout stands."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"  # waiting longer cannot help


@dataclass(frozen=True)
class Asked:
    """What was applied.

    Attributes:
        arm: the predictor's name in Standard mode.
        weight: percent of the traffic; 100 for a first release.
        canary: whether the version stands beside a champion.
        revision_before: Knative: the latest revision created before the apply; empty on a new service.
        model_status_before: the model status before the apply; while it stands unchanged it speaks of the past.
    """

    mode: Mode
    uri: str
    arm: str
    weight: int
    canary: bool
    revision_before: str = ""
    model_status_before: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Standing:
    """Progress with its reasons, the most telling one first."""

    progress: Progress
    reasons: tuple[str, ...] = ()


def standing(
    live: LiveService,
    asked: Asked,
    pods: Sequence[Mapping[str, Any]] = (),
    route: Mapping[str, Any] | None = None,
    route_is_readable: bool = True,
) -> Standing:
    """How far the service is.

    Args:
        pods: pods of the new arm, read while it is not ready.
        route: the service's HTTPRoute, None when it does not exist; looked at in Standard mode only.
        route_is_readable: False when the rights or the API for reading it are missing; then it is left out.
    """
    if _applied_uri(live, asked) != asked.uri:
        found = _applied_uri(live, asked) or "none"
        return Standing(
            Progress.FAILED, (f"the spec no longer asks for {asked.uri} (found {found}): someone else changed it",)
        )
    if fatal := [*_fatal_status(live, asked), *_fatal_pods(pods)]:
        return Standing(Progress.FAILED, tuple(fatal))
    missing = [*_missing_conditions(live)]
    if asked.mode is Mode.KNATIVE:
        missing += _missing_revision(live, asked)
    else:
        if asked.canary:
            missing += _missing_canary(live, asked)
        if route_is_readable:
            missing += _missing_weights(live, asked, route) if asked.canary else _missing_whole(live, asked, route)
    return Standing(Progress.WAITING, tuple(missing)) if missing else Standing(Progress.READY)


def conditions(live: LiveService) -> dict[str, Mapping[str, Any]]:
    """The conditions of the status by their type."""
    return {each.get("type", ""): each for each in live.status.get("conditions") or []}


def predictor_status(live: LiveService) -> Mapping[str, Any]:
    """Knative's part of the status: revisions and traffic."""
    return (live.status.get("components") or {}).get("predictor") or {}


def model_status(live: LiveService) -> Mapping[str, Any]:
    return live.status.get("modelStatus") or {}


def _applied_uri(live: LiveService, asked: Asked) -> str:
    if asked.mode is Mode.STANDARD and asked.canary:
        return next((each.uri for each in live.canaries if each.name == asked.arm), "")
    return str(((live.spec.get("predictor") or {}).get("model") or {}).get("storageUri", ""))


def _stale(live: LiveService, asked: Asked) -> bool:
    """Whether the model status still speaks of what was there before the apply."""
    if asked.mode is Mode.KNATIVE and asked.revision_before:
        return predictor_status(live).get("latestCreatedRevision") == asked.revision_before
    return asked.model_status_before is not None and model_status(live) == asked.model_status_before


def _fatal_status(live: LiveService, asked: Asked) -> Iterable[str]:
    status = model_status(live)
    # In Standard mode the model status speaks of the stable arm only.
    if status.get("transitionStatus") not in _FATAL or _stale(live, asked) or _standard_canary(asked):
        return
    info = status.get("lastFailureInfo") or {}
    details = ", ".join(
        f"{key} {info[key]}" for key in ("location", "modelRevisionName", "exitCode", "time") if info.get(key)
    )
    yield f"{status['transitionStatus']}: {info.get('reason', 'no reason given')}" + (
        f" ({details})" if details else ""
    )
    if info.get("message"):
        yield f"message: {info['message']}"
    states = status.get("states") or {}
    copies = status.get("copies") or {}
    yield (
        f"target model state {states.get('targetModelState', 'unknown')}, "
        f"active {states.get('activeModelState', 'unknown')}, failed copies {copies.get('failedCopies', 0)}"
    )


def _standard_canary(asked: Asked) -> bool:
    return asked.mode is Mode.STANDARD and asked.canary


def _fatal_pods(pods: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    for pod in pods:
        status = pod.get("status") or {}
        for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
            state = container.get("state") or {}
            where = f"container {container.get('name')} of pod {pod['metadata']['name']}"
            ended = state.get("terminated") or {}
            if ended.get("exitCode"):
                yield f"{where} ended with exit code {ended['exitCode']}: {ended.get('message') or ended.get('reason')}"
            waiting = state.get("waiting") or {}
            if waiting.get("reason") in _FATAL_WAITING:
                last = (container.get("lastState") or {}).get("terminated") or {}
                said = last.get("message") or waiting.get("message") or ""
                yield f"{where} is in {waiting['reason']}" + (f": {said}" if said else "")


def _missing_conditions(live: LiveService) -> Iterable[str]:
    ready = conditions(live).get("Ready") or {}
    if ready.get("status") != "True":
        yield f"condition Ready is {ready.get('status', 'absent')}" + _why(ready)
    transition = model_status(live).get("transitionStatus", "absent")
    if transition != "UpToDate":
        yield f"model transition status is {transition}"


def _missing_revision(live: LiveService, asked: Asked) -> Iterable[str]:
    status = predictor_status(live)
    created, ready = status.get("latestCreatedRevision", ""), status.get("latestReadyRevision", "")
    if not created or created == asked.revision_before:
        yield "no revision was created for the new spec yet"
        return
    if created != ready:
        yield f"the latest ready revision is {ready or 'none'}, not {created}"
        return
    share = sum(
        int(each.get("percent") or 0)
        for each in status.get("traffic") or []
        if each.get("revisionName") == created or (each.get("latestRevision") and not each.get("revisionName"))
    )
    if share != asked.weight:
        yield f"revision {created} gets {share} % of the traffic, not {asked.weight} %"


def _missing_canary(live: LiveService, asked: Asked) -> Iterable[str]:
    condition = conditions(live).get("CanaryPredictorReady") or {}
    if condition.get("status") != "True":
        yield f"condition CanaryPredictorReady is {condition.get('status', 'absent')}" + _why(condition)
    status = next((each for each in live.status.get("canaryStatuses") or [] if each.get("name") == asked.arm), None)
    if status is None:
        yield f"the status does not know the canary {asked.arm}"
    elif not status.get("ready"):
        yield f"canary {asked.arm} is not ready"
    elif status.get("trafficPercent") != asked.weight:
        yield f"canary {asked.arm} has {status.get('trafficPercent')} % in the status, not {asked.weight} %"


def _missing_weights(live: LiveService, asked: Asked, route: Mapping[str, Any] | None) -> Iterable[str]:
    """The HTTPRoute is the only place that splits traffic in Standard mode: the status copies what was asked."""
    canary = workload(live.name, asked.arm)
    if route is None:
        yield f"HTTPRoute {live.name}-predictor does not exist: without the Gateway API a canary gets no share"
        return
    for rule in (route.get("spec") or {}).get("rules") or []:
        weights = {each.get("name"): int(each.get("weight", 1)) for each in rule.get("backendRefs") or []}
        total = sum(weights.values())
        share = 100 * weights.get(canary, 0) / total if total else 0.0
        if share == asked.weight:
            return
        yield f"the HTTPRoute gives {canary} {share:g} % of the traffic, not {asked.weight} %"
    if not (route.get("spec") or {}).get("rules"):
        yield f"HTTPRoute {live.name}-predictor has no rule yet"


def _missing_whole(live: LiveService, asked: Asked, route: Mapping[str, Any] | None) -> Iterable[str]:
    """A route may go on sending a share to an arm that the spec no longer holds, whatever the status says.

    Without the Gateway API there is none: an Ingress knows one arm only.
    """
    if route is None:
        return
    mine, rules = workload(live.name, asked.arm), (route.get("spec") or {}).get("rules") or []
    known = {mine, *(workload(live.name, each.name) for each in live.canaries)}
    for rule in rules:
        weights = {each.get("name"): int(each.get("weight", 1)) for each in rule.get("backendRefs") or []}
        others = [str(name) for name, weight in weights.items() if weight and name not in known]
        if others or not weights.get(mine):
            yield f"the HTTPRoute does not give {mine} all traffic (found {', '.join(others) or 'no backend'})"
    if not rules:
        yield f"HTTPRoute {live.name}-predictor has no rule yet"


def _why(condition: Mapping[str, Any]) -> str:
    said = ": ".join(str(condition[key]) for key in ("reason", "message") if condition.get(key))
    return f" ({said})" if said else ""
