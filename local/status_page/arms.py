"""The arms of a service as the status page tells them: which version each serves, its share, its role. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.core import inference_service
from kfp_lifecycle.core.inference_service import DIGEST_VARIABLE, VERSION_VARIABLE, Mode
from kfp_lifecycle.core.service_addresses import workload
from kfp_lifecycle.local.settled import arm_of


@dataclass(frozen=True)
class Arm:
    """One arm (Standard) or revision (Knative).

    Attributes:
        name: of its Deployment or revision.
        role: champion, canary, or empty for one that stands by.
        weight: percent of the traffic that it gets.
        pods: as ``local.service_overview`` tells them.
    """

    name: str
    role: str
    version: str
    digest: str
    uri: str
    weight: int
    pods: tuple[Mapping[str, Any], ...]


def arms(service: Mapping[str, Any], overview: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]) -> list[Arm]:
    """The arms with traffic or pods, the champion first.

    Args:
        service: the InferenceService.
        overview: what ``local.service_overview`` says of it.
        pods: its Pod objects; their variables tell which version an arm serves.
    """
    live = inference_service.read(service)
    known = {
        workload(live.name, each.name): (each.version, each.digest, each.uri)
        for each in (*([live.stable] if live.stable else []), *live.canaries)
        if live.mode is Mode.STANDARD
    }
    for pod in pods:
        known[arm_of(pod)] = _served(pod)
    candidates = {each.version for each in live.canaries}
    shares: Mapping[str, int] = overview["weights"]
    found = []
    for name in dict.fromkeys([*shares, *known]):
        version, digest, uri = known.get(name, ("", "", ""))
        role = "canary" if version and version in candidates else ""
        if version == live.champion_version if live.champion_version else shares.get(name) == 100:
            role = "champion"
        own = tuple(pod for pod in overview["pods"] if pod["revision"] == name)
        found.append(Arm(name, role, version, digest, uri, shares.get(name, 0), own))
    return sorted(found, key=lambda arm: (arm.role != "champion", -arm.weight, arm.name))


def split(arms: Sequence[Arm]) -> list[tuple[int, Arm]]:
    """The arms with traffic, each with the sum of the shares before it."""
    found, start = [], 0
    for arm in arms:
        if arm.weight:
            found.append((start, arm))
            start += arm.weight
    return found


def _served(pod: Mapping[str, Any]) -> tuple[str, str, str]:
    """Version, digest and URI of the model in a pod."""
    containers = pod["spec"].get("containers") or [{}]
    variables = {each.get("name"): str(each.get("value", "")) for each in containers[0].get("env") or []}
    uri = str(((pod["spec"].get("initContainers") or [{}])[0].get("args") or [""])[0])
    return variables.get(VERSION_VARIABLE, ""), variables.get(DIGEST_VARIABLE, ""), uri
