"""The InferenceServices that we write. Every write is a server-side apply, so a manifest holds all that we own."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from kfp_lifecycle.core.inference_service import (
    CHAMPION_ANNOTATION,
    DIGEST_VARIABLE,
    MANAGED_BY_LABEL,
    MANAGER,
    MODE_ANNOTATION,
    MODEL_LABEL,
    VERSION_VARIABLE,
    LiveService,
    Mode,
)

API_VERSION = "serving.kserve.io/v1beta1"
KIND = "InferenceService"
# A model's container name: KServe's schema requires it below spec.canary, its webhook refuses it below spec.predictor.
CONTAINER = "kserve-container"


def predictor(
    mode: Mode,
    *,
    arm_name: str,
    version: str,
    digest: str,
    uri: str,
    runtime: str,
    overrides: Mapping[str, Any] | None = None,
    variables: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The predictor of one arm.

    Args:
        arm_name: the predictor's name, used in Standard mode only.
        overrides: further fields of a predictor, already checked not to touch ours; see ``merged``.
        variables: more of the server's environment; one that the overrides name too is theirs.
    """
    theirs = {each["name"] for each in ((overrides or {}).get("model") or {}).get("env") or []}
    ours: dict[str, Any] = {
        "minReplicas": 1,
        "model": {
            "modelFormat": {"name": "sklearn"},
            "runtime": runtime,
            "protocolVersion": "v2",
            "storageUri": uri,
            "env": [
                {"name": VERSION_VARIABLE, "value": version},
                {"name": DIGEST_VARIABLE, "value": digest},
                *({"name": name, "value": value} for name, value in (variables or {}).items() if name not in theirs),
            ],
        },
    }
    if mode is Mode.STANDARD:
        ours["name"] = arm_name
    return merged(ours, overrides or {})


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` on top: objects are merged, lists are joined, anything else is replaced."""
    result = dict(base)
    for key, value in changes.items():
        current = result.get(key)
        if isinstance(current, Mapping) and isinstance(value, Mapping):
            result[key] = merged(current, value)
        elif isinstance(current, list) and isinstance(value, list):
            result[key] = [*current, *value]
        else:
            result[key] = value
    return result


def stable_spec(stable: Mapping[str, Any]) -> dict[str, Any]:
    """All traffic to one predictor. The canary list is left out, which removes the one that we own."""
    return {"predictor": _stable_arm(stable)}


def canary_spec(mode: Mode, stable: Mapping[str, Any], candidate: Mapping[str, Any], percent: int) -> dict[str, Any]:
    """``percent`` of the traffic to the candidate, the rest stays where it is."""
    if mode is Mode.KNATIVE:
        # The stable revision is not in the spec: Knative keeps it as the revision that was rolled out last.
        return {"predictor": {**candidate, "canaryTrafficPercent": percent}}
    replicas = int(stable.get("minReplicas", 1))
    # KServe's own rule for a canary that names none; more than the stable arm's it would refuse.
    arm = {**candidate, "minReplicas": ceil(replicas * percent / 100)}
    if "model" in arm:
        arm["model"] = {**arm["model"], "name": CONTAINER}
    return {"predictor": _stable_arm(stable), "canary": [{"trafficPercent": percent, "predictor": arm}]}


def dark_spec(mode: Mode, stable: Mapping[str, Any], candidate: Mapping[str, Any]) -> dict[str, Any]:
    """The candidate starts beside the champion and gets no request yet."""
    if mode is Mode.KNATIVE:
        return parked_spec({**candidate, "minReplicas": max(1, int(candidate.get("minReplicas", 1)))})
    spec = canary_spec(mode, stable, candidate, 0)
    # A share of 0 % would mean no pod. KServe shrinks the stable arm by as many as the canary has, and the canary is
    # all there is right after a promotion: half is the least that either is left with.
    spec["canary"][0]["predictor"]["minReplicas"] = ceil(max(1, int(stable.get("minReplicas", 1))) / 2)
    return spec


def promoted_spec(mode: Mode, stable: Mapping[str, Any], candidate: Mapping[str, Any]) -> dict[str, Any]:
    """All traffic to the candidate, whose pods go on: its predictor stays the same but for the number of replicas.

    Args:
        stable: the champion that it replaces, for its replicas; in Knative mode the candidate keeps its own, because
            another number would be another revision.
    """
    if mode is Mode.STANDARD:
        candidate = {**candidate, "minReplicas": max(1, int(stable.get("minReplicas", 1)))}
    return stable_spec(candidate)


def _stable_arm(predictor: Mapping[str, Any]) -> dict[str, Any]:
    """A predictor that may have been a canary, as it must stand in spec.predictor; see ``CONTAINER``."""
    arm = dict(predictor)
    if isinstance(arm.get("model"), Mapping):
        arm["model"] = {key: value for key, value in arm["model"].items() if key != "name"}
    return arm


def parked_spec(stable: Mapping[str, Any]) -> dict[str, Any]:
    """Knative: the stable spec back in place while every request still goes to the revision rolled out last.

    Without the share of 0, Knative would send all traffic to the latest *ready* revision, the candidate, until the
    restored one is ready.
    """
    return {"predictor": {**stable, "canaryTrafficPercent": 0}}


def changed(live: LiveService, spec: Mapping[str, Any], champion_version: str = "") -> dict[str, Any]:
    """The body that gives a service as it was read another spec, and another champion if one is named."""
    return manifest(
        service=live.name,
        namespace=live.namespace,
        mode=live.mode,
        model=live.model,
        spec=spec,
        champion_version=champion_version or live.champion_version,
        resource_version=live.resource_version,
    )


def manifest(
    *,
    service: str,
    namespace: str,
    mode: Mode,
    model: str,
    spec: Mapping[str, Any],
    champion_version: str = "",
    resource_version: str = "",
) -> dict[str, Any]:
    """The body of one server-side apply.

    Args:
        champion_version: empty until a version has answered its first probe.
        resource_version: the one that was read, which makes the apply a compare-and-set; empty for a create.
    """
    annotations = {MODE_ANNOTATION: str(mode)}
    if mode is Mode.STANDARD:
        # An autoscaler would fight over the replicas that a canary shifts.
        annotations["serving.kserve.io/autoscalerClass"] = "none"
    else:
        # Gives each revision an address of its own, which the probe needs.
        annotations["serving.kserve.io/enable-tag-routing"] = "true"
    if champion_version:
        annotations[CHAMPION_ANNOTATION] = champion_version
    metadata: dict[str, Any] = {
        "name": service,
        "namespace": namespace,
        "annotations": annotations,
        "labels": {MANAGED_BY_LABEL: MANAGER, MODEL_LABEL: model},
    }
    if resource_version:
        metadata["resourceVersion"] = resource_version
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": dict(spec)}
