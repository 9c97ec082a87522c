"""Standard mode: arms, replicas, rollouts and weights from the spec. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kfp_lifecycle.local.kserve_controller import names
from kfp_lifecycle.local.kserve_controller.templates import Manifest, Template, merged, template
from kfp_lifecycle.local.pods.kubelet import Pod


@dataclass(frozen=True)
class Arm:
    """A Deployment: the stable predictor or one canary.

    Attributes:
        name: ``predictor.name``, empty for an unnamed stable predictor.
        percent: asked share of the traffic; of the stable arm what the canaries leave.
        replicas: wanted copies; this cluster runs one for any number above zero.
    """

    deployment: str
    name: str
    percent: int
    replicas: int
    template: Template


@dataclass(frozen=True)
class Rollout:
    """What an arm's Deployment does next.

    Attributes:
        start: whether a pod of the wanted template is missing.
        stop: names of the pods that go.
        available: a pod of any template is ready.
        complete: a pod of the wanted template is ready.
    """

    start: bool
    stop: tuple[str, ...]
    available: bool
    complete: bool


def arms(service: Manifest, *, not_propagated: Collection[str]) -> tuple[Arm, ...]:
    """The Deployments of an InferenceService, the stable one first."""
    spec, name = service["spec"], service["metadata"]["name"]
    stable = spec["predictor"]
    asked = int(stable["minReplicas"]) if stable.get("minReplicas") is not None else 1
    entries = spec.get("canary") or []

    def arm(predictor: Manifest, percent: int, replicas: int) -> Arm:
        content = template(service, predictor, standard=True, not_propagated=not_propagated)
        label = str(predictor.get("name", ""))
        return Arm(names.predictor(name, label), label, percent, replicas, content)

    found = [arm(stable, 100 - sum(int(entry.get("trafficPercent", 0)) for entry in entries), asked)]
    for entry in entries:
        percent = int(entry.get("trafficPercent", 0))
        own = entry["predictor"].get("minReplicas")
        # KServe: canaryReplicaCount. Zero percent without minReplicas means no pod at all.
        replicas = int(own) if own is not None else math.ceil(asked * percent / 100)
        found.append(arm(merged(stable, entry["predictor"]), percent, replicas))
    return tuple(found)


def rollout(arm: Arm, pods: Sequence[Pod]) -> Rollout:
    """A rolling update: the old pod goes when the new one is ready, or at once when it is of no use itself."""
    mine = [pod for pod in pods if pod.spec.revision == arm.deployment and not pod.stopping]
    if arm.replicas == 0:
        return Rollout(False, tuple(pod.spec.name for pod in mine), available=False, complete=True)
    wanted = [pod for pod in mine if pod.spec.template == arm.template.digest]
    others = [pod for pod in mine if pod.spec.template != arm.template.digest]
    complete = any(pod.status.ready for pod in wanted)
    stop = tuple(pod.spec.name for pod in others if complete or not pod.status.ready)
    return Rollout(start=not wanted, stop=stop, available=any(pod.status.ready for pod in mine), complete=complete)


def weights(arms_: Sequence[Arm], ready: Mapping[str, bool]) -> tuple[tuple[str, int], ...]:
    """Backends and weights of the HTTPRoute (KServe: applyCanaryWeights).

    A canary that is not ready is left out, and its share stays with the stable arm. Without a canary there is one
    backend and no split.
    """
    stable, *canaries = arms_
    counted = [arm for arm in canaries if ready.get(arm.deployment, False)]
    rest = 100 - sum(arm.percent for arm in counted)
    return ((stable.deployment, rest), *((arm.deployment, arm.percent) for arm in counted))
