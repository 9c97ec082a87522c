"""Waiting until an applied version serves, or until it is clear that it will not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.adapters import inference_services, probe
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.probe import Answer
from kfp_lifecycle.core import rollout, service_addresses, settings
from kfp_lifecycle.core.inference_service import LiveService, Mode
from kfp_lifecycle.core.rollout import Asked, Progress, Standing

# After a version is ready, gateways and routes learn of it within seconds.
PROBE_SECONDS = 60


@dataclass(frozen=True)
class Served:
    """Whether the version answered, and what it took.

    Attributes:
        reasons: why not; the deciding one first.
        notes: what could not be looked at.
        numbers: seconds until ready, milliseconds of the probe.
        by_policy: it is ready, and something between us and the model server refused the probe.
    """

    serves: bool
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    numbers: Mapping[str, float]
    by_policy: bool = False


@dataclass(frozen=True)
class Target:
    """The version that must serve, and how long it may take, in seconds."""

    service: str
    namespace: str
    version: str
    seconds: float


def wait_until_served(
    connection: Connection, target: Target, asked: Asked, example: Mapping[str, Any] | None
) -> Served:
    """Follow the service until its status is what was asked, then ask the new arm for one prediction.

    The gateway's address, domain, certificate authority and token come from the settings.

    Args:
        example: the request; None takes the status' word for it.
    """
    began = time.monotonic()
    standing, notes = _wait(connection, target, asked)
    seconds = round(time.monotonic() - began, 3)
    if standing.progress is not Progress.READY:
        return Served(False, standing.reasons, notes, {"seconds_waited": seconds})
    if example is None:
        return Served(True, (), notes, {"seconds_until_ready": seconds})
    domain = settings.setting(settings.GATEWAY_DOMAIN)
    host = service_addresses.arm_host(asked.mode, target.service, target.namespace, domain, asked.arm)
    answer = probe.probe(
        settings.setting(settings.GATEWAY_URL),
        host,
        target.service,
        example,
        version=target.version,
        seconds=PROBE_SECONDS,
        ca_file=settings.setting(settings.GATEWAY_CA_FILE),
        token_file=settings.setting(settings.GATEWAY_TOKEN_FILE),
    )
    numbers = {"seconds_until_ready": seconds, "probe_milliseconds": round(answer.milliseconds, 3)}
    if answer.answer is Answer.SERVES:
        return Served(True, (), notes, numbers)
    return Served(False, (_why_not(answer, host),), notes, numbers, answer.answer is Answer.POLICY)


def _wait(connection: Connection, target: Target, asked: Asked) -> tuple[Standing, tuple[str, ...]]:
    standing = Standing(Progress.WAITING, ("the service was not seen yet",))
    said: tuple[str, ...] = ()
    for live in inference_services.follow(connection, target.service, target.namespace, target.seconds):
        if live is None:
            return Standing(Progress.FAILED, ("the InferenceService was deleted while it was released",)), ()
        standing, notes = _look(connection, live, asked)
        if standing.progress is Progress.FAILED:
            words = _last_words(connection, live, asked)
            return Standing(Progress.FAILED, (*standing.reasons, *words)), notes
        if standing.progress is Progress.READY:
            return standing, notes
        if standing.reasons != said:
            said = standing.reasons
            print(f"waiting: {'; '.join(said)}", flush=True)
    late = f"not ready within {target.seconds} s: {standing.reasons[0]}"
    return Standing(Progress.FAILED, (late, *standing.reasons[1:])), ()


def _look(connection: Connection, live: LiveService, asked: Asked) -> tuple[Standing, tuple[str, ...]]:
    """The status, and what it does not tell in Standard mode: a canary's pods and the route's weights."""
    found = rollout.standing(live, asked, route_is_readable=False)
    if asked.mode is not Mode.STANDARD or found.progress is Progress.FAILED:
        return found, ()
    if found.progress is Progress.WAITING:
        if not asked.canary:
            return found, ()
        pods = inference_services.pods(connection, live.name, live.namespace, _pod_prefix(live, asked))
        return rollout.standing(live, asked, pods, route_is_readable=False), ()
    route, unreadable = inference_services.route(connection, live.name, live.namespace)
    if unreadable:
        return found, (f"the weights of the HTTPRoute were not checked: {unreadable}",)
    return rollout.standing(live, asked, route=route), ()


def _last_words(connection: Connection, live: LiveService, asked: Asked) -> list[str]:
    pods = inference_services.pods(connection, live.name, live.namespace, _pod_prefix(live, asked))
    return [line for pod in pods[:1] for line in inference_services.last_words(connection, pod)]


def _pod_prefix(live: LiveService, asked: Asked) -> str:
    if asked.mode is Mode.STANDARD:
        return f"{service_addresses.workload(live.name, asked.arm)}-"
    return str(rollout.predictor_status(live).get("latestCreatedRevision") or live.name) + "-"


def _why_not(answer: probe.Probe, host: str) -> str:
    said = {
        Answer.POLICY: "not reachable by policy: something between this step and the model server refuses the caller, "
        "which says nothing about the model; allow the run's service account to call the predictor",
        Answer.WRONG_VERSION: "the probe reached another version",
        Answer.SILENT: f"the probe got no answer within {PROBE_SECONDS} s",
        Answer.MODEL_ERROR: "the model server did not answer its own example",
    }[answer.answer]
    return f"{said} ({host}: {answer.detail})"
