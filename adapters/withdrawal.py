"""Taking a release's version off its service again, so that users get what they got before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.adapters import inference_services, kubernetes_objects
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import Conflict
from kfp_lifecycle.adapters.kubernetes_objects import INFERENCE_SERVICES
from kfp_lifecycle.adapters.release_writes import ATTEMPTS, change_service, read_service
from kfp_lifecycle.adapters.rollouts import Served, Target, wait_until_served
from kfp_lifecycle.core import rollout, service_manifests
from kfp_lifecycle.core.inference_service import MANAGED_BY_LABEL, MANAGER, LiveService, Mode
from kfp_lifecycle.core.release import Release
from kfp_lifecycle.core.release_place import Place, champion_before, place
from kfp_lifecycle.core.rollout import Asked

_RESTORE_SECONDS = 300
CANDIDATE_REVISION = "candidate_revision"

Example = Mapping[str, Any] | None


@dataclass(frozen=True)
class Withdrawn:
    """What became of a withdrawal.

    Attributes:
        place: where the version is now; ABSENT when all is done, PARKED when its share is 0 and more could not be.
        wrote: whether the service had to be changed.
        said: a sentence about it.
    """

    place: Place
    wrote: bool
    said: str

    @property
    def over(self) -> bool:
        """Whether nothing is left for a later try: the canary is gone, or the service is somebody else's business."""
        return self.place in (Place.ABSENT, Place.FOREIGN)


def withdraw(
    connection: Connection, service: str, namespace: str, held: Release, seconds: float, example: Example = None
) -> Withdrawn:
    """Traffic off first, then the recorded spec; only where the version of ``held`` still stands.

    Standard mode needs one write. In Knative mode the first one also takes the traffic off, because the restored spec
    becomes a new revision: until that one is ready, "all to the latest" would mean all to the canary.

    Args:
        example: asks the champion's restored revision for a prediction before it gets traffic; None asks its status.

    Raises:
        core.release.Superseded: somebody else took the release over.
        InputError: the service is gone.
    """
    wrote = False

    def without_traffic(live: LiveService, current: Release) -> Mapping[str, Any] | None:
        nonlocal wrote
        manifest = _without_traffic(live, current)
        wrote = manifest is not None
        return manifest

    candidate = candidate_revision(read_service(connection, service, namespace), held)
    live = change_service(connection, service, namespace, held.epoch, without_traffic)
    found = place(live, held)
    if found is Place.CANARY:
        return Withdrawn(found, wrote, "the canary stays: another field manager owns its entry")
    if found is Place.PARKED:
        restored = _restored(connection, live, held, candidate, seconds, example)
        if not restored.serves and not restored.by_policy:
            why = f" ({restored.reasons[0]})" if restored.reasons else ""
            return Withdrawn(
                found, True, f"the canary was taken off; its restored revision is not ready yet{why}, and has 0 %"
            )
        live = change_service(connection, service, namespace, held.epoch, _without_share)
        found, wrote = place(live, held), True
    if found is not Place.ABSENT:
        return Withdrawn(found, wrote, "somebody else changed the service")
    if not wrote:
        _fence(connection, service, namespace)
        return Withdrawn(found, False, "the canary was taken off before")
    return Withdrawn(found, True, f"the canary was taken off; version {live.champion_version} has all traffic")


def _without_traffic(live: LiveService, held: Release) -> Mapping[str, Any] | None:
    found, champion = place(live, held), champion_before(held)
    if found is Place.CANARY:
        restored = service_manifests.stable_spec(champion.predictor)
        parked = service_manifests.parked_spec(champion.predictor)
        return service_manifests.changed(live, parked if live.mode is Mode.KNATIVE else restored)
    if found is Place.ABSENT and live.stable and not _is(live, held):
        return service_manifests.changed(live, service_manifests.stable_spec(champion.predictor))
    return None


def _without_share(live: LiveService, held: Release) -> Mapping[str, Any] | None:
    if place(live, held) is not Place.PARKED:
        return None
    return service_manifests.changed(live, service_manifests.stable_spec(champion_before(held).predictor))


def _is(live: LiveService, held: Release) -> bool:
    champion = champion_before(held)
    return live.stable is not None and (live.stable.uri, live.stable.digest) == (champion.uri, champion.digest)


def candidate_revision(live: LiveService, held: Release) -> str:
    """Knative: the candidate's revision, while it can be told from the champion's restored one."""
    if known := str(held.evidence.get(CANDIDATE_REVISION, "")):
        return known
    if live.mode is not Mode.KNATIVE or place(live, held) is not Place.CANARY:
        return ""
    newest = str(rollout.predictor_status(live).get("latestCreatedRevision", ""))
    # The candidate may have been refused before it had a revision; then none follows it either.
    return newest if newest != held.evidence.get("revision_before") else ""


def _restored(
    connection: Connection, live: LiveService, held: Release, candidate: str, seconds: float, example: Example
) -> Served:
    """Whether the restored spec's own revision became ready in time."""
    back = Asked(
        mode=Mode.KNATIVE,
        uri=champion_before(held).uri,
        arm="",
        weight=0,
        canary=True,
        revision_before=candidate,
    )
    target = Target(live.name, live.namespace, held.from_version, min(seconds, _RESTORE_SECONDS))
    return wait_until_served(connection, target, back, example)


def _fence(connection: Connection, service: str, namespace: str) -> None:
    """Give the service a new version without changing it.

    A holder that was overtaken may have read the service and sleep right before it puts its version in. Nothing else
    was written since, so its write would be taken; after this it is refused.
    """
    for _ in range(ATTEMPTS):
        live = read_service(connection, service, namespace)
        metadata: dict[str, Any] = {"name": service, "namespace": namespace, "resourceVersion": live.resource_version}
        body = {"apiVersion": service_manifests.API_VERSION, "kind": service_manifests.KIND, "metadata": metadata}
        try:
            owned = {**body, "metadata": {**metadata, "labels": {MANAGED_BY_LABEL: MANAGER}}}
            after = kubernetes_objects.apply(connection, INFERENCE_SERVICES, owned, f"{MANAGER}-fence")
            metadata["resourceVersion"] = after["metadata"]["resourceVersion"]
            kubernetes_objects.apply(connection, INFERENCE_SERVICES, body, f"{MANAGER}-fence")
        except Conflict:
            continue
        return
    raise RuntimeError(f"InferenceService {service!r} changed {ATTEMPTS} times in a row")


def stands_restored(connection: Connection, service: str, namespace: str, held: Release) -> str:
    """Why the service is not what was recorded before the release; empty if it is."""
    live = inference_services.read(connection, service, namespace)
    if live is None:
        return "the InferenceService is gone"
    if place(live, held) is not Place.ABSENT or not _is(live, held):
        champion = champion_before(held)
        stable = f"{live.stable.uri} with digest {live.stable.digest}" if live.stable else "no stable spec"
        return f"the service does not hold {champion.uri} with digest {champion.digest} alone: found {stable}"
    return ""
