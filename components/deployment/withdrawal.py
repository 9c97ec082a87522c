"""Taking a canary off again, so that users get what they got before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.adapters import inference_services
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import Conflict
from kfp_lifecycle.components.deployment.request import ReleaseRequest
from kfp_lifecycle.core import rollout, service_manifests
from kfp_lifecycle.core.inference_service import LiveService, Mode
from kfp_lifecycle.core.rollout import Asked, Progress

_ATTEMPTS = 10
_RESTORE_SECONDS = 300


def withdraw(connection: Connection, request: ReleaseRequest, asked: Asked, previous: Mapping[str, Any]) -> str:
    """Put the previous spec back, if the canary still stands; a sentence about what was done.

    Standard mode needs one write. In Knative mode the first one also takes the traffic off, because the restored spec
    becomes a new revision: until that one is ready, "all to the latest" would mean all to the canary.
    """
    if asked.mode is Mode.STANDARD:
        return _put(connection, request, asked, service_manifests.stable_spec(previous["predictor"]))
    candidate = _latest_revision(connection, request)
    parked = {**previous, **service_manifests.parked_spec(previous["predictor"])}
    said = _put(connection, request, asked, parked)
    if not _restored(connection, request, asked, previous, candidate):
        return f"{said}; its restored revision is not ready yet, so the canary keeps a share of 0 %"
    return _put(connection, request, asked, previous)


def _put(connection: Connection, request: ReleaseRequest, asked: Asked, spec: Mapping[str, Any]) -> str:
    for _ in range(_ATTEMPTS):
        live = inference_services.read(connection, request.service, request.namespace)
        if live is None:
            return "the InferenceService is gone"
        if not _stands(live, request, asked):
            return "the canary was taken off by somebody else"
        manifest = service_manifests.manifest(
            service=live.name,
            namespace=live.namespace,
            mode=live.mode,
            model=request.model,
            spec=spec,
            champion_version=live.champion_version,
            resource_version=live.resource_version,
        )
        try:
            inference_services.apply(connection, manifest)
        except Conflict:
            continue
        return f"the canary was taken off; version {live.champion_version} has all traffic"
    raise RuntimeError(f"InferenceService {request.service!r} changed {_ATTEMPTS} times while its canary was taken off")


def _stands(live: LiveService, request: ReleaseRequest, asked: Asked) -> bool:
    """Whether the spec still holds the canary, or the parked champion that this withdrawal put there."""
    if any(each.digest == request.digest for each in live.canaries):
        return True
    return asked.mode is Mode.KNATIVE and (live.spec.get("predictor") or {}).get("canaryTrafficPercent") == 0


def _latest_revision(connection: Connection, request: ReleaseRequest) -> str:
    live = inference_services.read(connection, request.service, request.namespace)
    return str(rollout.predictor_status(live).get("latestCreatedRevision", "")) if live else ""


def _restored(
    connection: Connection, request: ReleaseRequest, asked: Asked, previous: Mapping[str, Any], candidate: str
) -> bool:
    """Whether the restored spec's own revision became ready in time."""
    back = Asked(
        mode=asked.mode,
        uri=str((previous["predictor"].get("model") or {}).get("storageUri", "")),
        arm="",
        weight=0,
        canary=True,
        # The candidate may have been refused before it had a revision; then none follows it either.
        revision_before=candidate if candidate != asked.revision_before else "",
    )
    seconds = min(request.seconds, _RESTORE_SECONDS)
    for live in inference_services.follow(connection, request.service, request.namespace, seconds):
        if live is None:
            return False
        found = rollout.standing(live, back)
        if found.progress is not Progress.WAITING:
            return found.progress is Progress.READY
    return False
