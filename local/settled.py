"""Whether all that an InferenceService asks for serves. Pure.

``Ready`` alone does not say so: it is copied from the last turn, true in Standard mode while a canary or a new pod
fails, and unknown in a healthy Knative rollout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kfp_lifecycle.local.kserve_controller import conditions as c
from kfp_lifecycle.local.kserve_controller import knative
from kfp_lifecycle.local.kserve_controller.modes import deployment_mode
from kfp_lifecycle.local.kserve_controller.standard import arms

Object = Mapping[str, Any]


def is_settled(service: Object, pods: Sequence[Object], route: Object | None) -> bool:
    """From the InferenceService, its Pod objects and, in Standard mode, its HTTPRoute."""
    status = service.get("status") or {}
    ready = c.one(status.get("conditions") or (), c.READY).get("status") == c.TRUE
    if not ready or (status.get("modelStatus") or {}).get("transitionStatus") != "UpToDate":
        return False
    if deployment_mode(service, "Standard") == "Standard":
        return _standard(service, pods, route)
    return _knative(service, pods, (status.get("components") or {}).get("predictor") or {})


def _standard(service: Object, pods: Sequence[Object], route: Object | None) -> bool:
    found = arms(service, not_propagated=())
    running = [arm for arm in found if arm.replicas > 0]
    for arm in running:
        if not _serves(pods, "app", f"isvc.{arm.deployment}", arm.template.storage_uri):
            return False
    backends = route["spec"]["rules"][0]["backendRefs"] if route else []
    asked = {arm.deployment: arm.percent for arm in running}
    if len(found) == 1:
        return [one["name"] for one in backends] == [found[0].deployment]
    return {one["name"]: one.get("weight") for one in backends} == asked


def _knative(service: Object, pods: Sequence[Object], component: Object) -> bool:
    predictor = service["spec"]["predictor"]
    newest = str(component.get("latestCreatedRevision", ""))
    if not newest or newest != component.get("latestReadyRevision"):
        return False
    uri = str((predictor.get("model") or {}).get("storageUri", ""))
    percent, traffic = predictor.get("canaryTrafficPercent"), component.get("traffic") or []
    wanted = knative.targets(percent, knative.rolled_from(component), tag_routing=False)
    # The first deployment took everything and was rolled out by that, whatever share was asked.
    first = [line["percent"] for line in traffic] == [100] and not component.get("previousRolledoutRevision")
    as_asked = [line["percent"] for line in traffic] == [target.percent for target in wanted] or first
    return as_asked and _serves(pods, "serving.knative.dev/revision", newest, uri)


def _serves(pods: Sequence[Object], label: str, value: str, storage_uri: str) -> bool:
    return any(
        pod["metadata"]["labels"].get(label) == value
        and pod["spec"]["initContainers"][0]["args"][0] == storage_uri
        and container(pod)["ready"]
        for pod in pods
    )


def container(pod: Object) -> Mapping[str, Any]:
    """Status of the model server's container; of one that has not begun while the pod has no status yet."""
    statuses = (pod.get("status") or {}).get("containerStatuses")
    return statuses[0] if statuses else {"ready": False, "restartCount": 0, "state": {"waiting": {}}}


def arm_of(pod: Object) -> str:
    """The Deployment or Revision that a pod belongs to."""
    labels = pod["metadata"]["labels"]
    return str(labels.get("serving.knative.dev/revision") or labels.get("app", "").removeprefix("isvc."))


def weights(service: Object, route: Object | None) -> dict[str, int]:
    """Share of each arm or revision as users can see it: HTTPRoute (Standard) or status (Knative)."""
    if deployment_mode(service, "Standard") == "Standard":
        backends = route["spec"]["rules"][0]["backendRefs"] if route else []
        lone = len(backends) == 1
        return {one["name"]: 100 if lone else int(one.get("weight", 1)) for one in backends}
    component = ((service.get("status") or {}).get("components") or {}).get("predictor") or {}
    shares: dict[str, int] = {}
    for line in component.get("traffic") or []:
        shares[line["revisionName"]] = shares.get(line["revisionName"], 0) + int(line.get("percent", 0))
    return shares
