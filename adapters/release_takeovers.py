"""Taking an open release over from whoever holds it, making its version champion, and writing how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from kfp_lifecycle.adapters import inference_services
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.release_writes import change_record, change_service
from kfp_lifecycle.adapters.rollouts import PROBE_SECONDS
from kfp_lifecycle.adapters.withdrawal import CANDIDATE_REVISION, candidate_revision
from kfp_lifecycle.core import release, rollout, service_manifests
from kfp_lifecycle.core.inference_service import LiveService
from kfp_lifecycle.core.release import Release, ReleaseRecord, State, Superseded
from kfp_lifecycle.core.release_place import Place, place
from kfp_lifecycle.core.rollout import Asked

# What a step needs beyond its waits, until it has written how it ended, each request being tried to its last second.
_MARGIN = timedelta(seconds=2 * PROBE_SECONDS + 600)


def expiry(seconds: float) -> datetime:
    """Until when a release is held by a step that waits so long, once for each of two rollouts."""
    return now() + 2 * timedelta(seconds=seconds) + _MARGIN


def take_over(
    connection: Connection,
    service: str,
    namespace: str,
    seen: Release,
    *,
    run_id: str,
    seconds: float,
    still: Callable[[Release], bool] = lambda held: True,
) -> Release:
    """The release that was seen, under a new epoch: whatever its holder before still writes is refused.

    Args:
        still: whether it may be taken as it is now; its holder may have renewed it, or a second run of the same
            content carried it on.

    Raises:
        core.release.Superseded: it may not, was taken over, or is finished.
    """
    live = inference_services.read(connection, service, namespace)
    candidate = candidate_revision(live, seen) if live else ""
    evidence = {CANDIDATE_REVISION: candidate} if candidate else {}

    def take(record: ReleaseRecord) -> ReleaseRecord:
        held = release.current(record, seen.epoch)
        if not still(held):
            raise Superseded(f"release {seen.epoch} of {service!r} was renewed by run {held.run_id!r} meanwhile")
        taken = release.taken_over(record, run_id=run_id, expires_at=expiry(seconds))
        if not evidence:
            return taken
        return release.judged(taken, taken.epoch, weight=held.weight, expires_at=expiry(seconds), evidence=evidence)

    record = change_record(connection, service, namespace, take)
    return release.current(record, record.epoch)


def make_champion(connection: Connection, service: str, namespace: str, held: Release) -> tuple[LiveService, Asked]:
    """One apply that moves the stable spec and the champion's name together, if the canary stands.

    Returns:
        The service, whose ``place`` tells whether it was done, and what to wait for.

    Raises:
        core.release.Superseded: somebody else took the release over; nothing was written.
    """
    status: Mapping[str, Any] = {}

    def promote(live: LiveService, current: Release) -> Mapping[str, Any] | None:
        nonlocal status
        status = rollout.model_status(live)
        return promotion(live, current)

    after = change_service(connection, service, namespace, held.epoch, promote)
    asked = Asked(
        mode=after.mode,
        uri=held.uri,
        arm=after.stable.name if after.stable else "",
        weight=100,
        canary=False,
        model_status_before=status,
    )
    return after, asked


def promotion(live: LiveService, held: Release) -> dict[str, Any] | None:
    """The manifest that makes the release's canary champion; None where it does not stand as one."""
    if place(live, held) is not Place.CANARY or live.canary is None:
        return None
    stable = live.stable.predictor if live.stable else {}
    spec = service_manifests.promoted_spec(live.mode, stable, live.canary.predictor)
    return service_manifests.changed(live, spec, held.to_version)


def finish(
    connection: Connection,
    service: str,
    namespace: str,
    epoch: int,
    change: Callable[..., ReleaseRecord],
    evidence: Mapping[str, Any],
) -> None:
    """Write how the release ended, by one of the ends of ``core.release``.

    Raises:
        core.release.Superseded: somebody else ended it.
    """
    ended = partial(change, epoch=epoch, now=now(), evidence=evidence)
    change_record(connection, service, namespace, lambda record: ended(record))


def named_champion(record: ReleaseRecord, epoch: int, *, now: datetime, evidence: Mapping[str, Any]) -> ReleaseRecord:
    """The end of a release whose version the service names champion."""
    held = release.current(record, epoch)
    if held.from_version:
        return release.promoted(record, epoch, now=now, evidence=evidence)
    if held.state is State.STARTED:
        record = release.applied(record, epoch)
    return release.serving(record, epoch, now=now, expires_at=held.expires_at, finished=True, evidence=evidence)
