"""``status.modelStatus``: what became of the model (KServe: PropagateModelStatus). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kfp_lifecycle.local.kserve_controller.conditions import timestamp
from kfp_lifecycle.local.pods.kubelet import Pod

_TRANSITIONS = {
    "Pending": "InProgress",
    "Loading": "InProgress",
    "Loaded": "UpToDate",
    "FailedToLoad": "BlockedByFailedLoad",
}


def model_status(
    before: Mapping[str, Any], pods: Sequence[Pod], *, loaded: bool, failed_before: bool = False
) -> dict[str, Any]:
    """The model's state from the pods that should serve the wanted model.

    Args:
        before: the last ``modelStatus``.
        pods: oldest first; the newest one speaks for the model.
        loaded: the InferenceService is ready and what was asked for is what serves.
        failed_before: Knative only: some condition of its service is False, so that absent pods mean failure.
    """
    status = dict(before)
    status["copies"] = {"failedCopies": 0, "totalCopies": sum(pod.status.ready for pod in pods)}
    if not pods:
        return _with_state(status, "FailedToLoad" if failed_before else "Pending")
    newest = pods[-1]
    if not newest.status.fetched:
        if newest.status.failed:
            return _with_state(status, "FailedToLoad", failure(newest))
        if newest.status.exit_code is not None:
            return status  # it failed and is tried again: neither loading nor failed for sure
        return _with_state(status, "Loading")
    if loaded:
        return _with_state(status, "Loaded")
    if newest.status.failed:
        return _with_state(status, "FailedToLoad", failure(newest))
    return _with_state(status, "Pending")


def invalid_spec(before: Mapping[str, Any], reason: str, message: str) -> dict[str, Any]:
    """The status of a predictor that cannot be run as it is written."""
    status = dict(before)
    status["states"] = {"activeModelState": "", **status.get("states", {}), "targetModelState": "FailedToLoad"}
    return {**status, "transitionStatus": "InvalidSpec", "lastFailureInfo": {"reason": reason, "message": message}}


def failure(pod: Pod) -> dict[str, Any]:
    """``lastFailureInfo`` of a pod whose model did not load."""
    return {
        "reason": "ModelLoadFailed",
        "message": pod.status.message,
        "exitCode": pod.status.exit_code or 0,
        "location": pod.spec.name,
        "modelRevisionName": pod.spec.revision,
        "time": timestamp(pod.status.ended),
    }


def _with_state(status: dict[str, Any], state: str, failed: dict[str, Any] | None = None) -> dict[str, Any]:
    states = {"activeModelState": "", **status.get("states", {}), "targetModelState": state}
    if state == "Loaded":
        states["activeModelState"] = "Loaded"
    result = {**status, "states": states, "transitionStatus": _TRANSITIONS[state]}
    return {**result, "lastFailureInfo": failed} if failed else result
