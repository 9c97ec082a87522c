"""Undoing a finished promotion: the version before the champion comes back as a release of its own.

Its pods are gone, so it starts at 0 % under a fresh name, and takes over by one apply once it has answered a probe at
its own address: no request waits for its start, and none fails if it does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.adapters import inference_services
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.adapters.exported_models import verified_example
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import FieldConflict, Invalid
from kfp_lifecycle.adapters.release_takeovers import (
    expiry,
    finish,
    make_champion,
    named_champion,
    take_over,
)
from kfp_lifecycle.adapters.release_writes import change_record, change_service, read_record, read_service
from kfp_lifecycle.adapters.rollouts import Served, Target, wait_until_served
from kfp_lifecycle.adapters.withdrawal import Example, withdraw
from kfp_lifecycle.components.rollback.outcome import Outcome, RollBackRequest, RolledBack
from kfp_lifecycle.core import release, rollout, service_manifests
from kfp_lifecycle.core.inference_service import LiveService, Mode
from kfp_lifecycle.core.models_root import models_root
from kfp_lifecycle.core.release import Release, ReleaseRecord, State
from kfp_lifecycle.core.release_place import Place, champion_before, found_instead, place
from kfp_lifecycle.core.rollout import Asked

_REVERSES, _REVERSED, _PREDICTOR = "reverses", "reversed_version", "predictor"


def is_reversal(held: Release) -> bool:
    """Whether this release undoes a promotion."""
    return _REVERSES in held.evidence


def reversed_version(held: Release) -> str:
    """The version that a reversal takes back; empty for other releases."""
    return str(held.evidence.get(_REVERSED, ""))


def undo(connection: Connection, request: RollBackRequest) -> RolledBack:
    """Begin or carry on the reverse release.

    Raises:
        core.release.Superseded: somebody else is at work; nothing that serves was touched.
        InputError: the export of the version before is gone or damaged; nothing was written.
    """
    live = read_service(connection, request.service, request.namespace)
    record = read_record(connection, request.service, request.namespace)
    if record.open and is_reversal(record.open):
        example = verified_example(models_root(), record.open.uri, record.open.digest)
        spot = (connection, request.service, request.namespace)
        held = take_over(*spot, record.open, run_id=request.holder, seconds=request.seconds)
        return _carried_on(connection, request, held, example)
    promotion = _promotion_of(record, live.champion_version)
    if reason := why_not(live, record, promotion, request.version):
        return RolledBack(Outcome.NOTHING_TO_DO, (reason,))
    assert promotion is not None
    before = champion_before(promotion)
    example = verified_example(models_root(), before.uri, before.digest)
    planned = _begun(record, request, live, promotion)
    assert planned.open is not None
    try:
        inference_services.rehearse(connection, _entering(live, planned.open) or {})
    except (FieldConflict, Invalid) as error:
        return RolledBack(Outcome.NOT_RESTORED, (f"version {before.version} was not started: {error}",))

    def begin(current: ReleaseRecord) -> ReleaseRecord:
        if current != record:
            raise release.Superseded(f"the release record of {request.service!r} changed meanwhile")
        return planned

    held = release.current(change_record(connection, request.service, request.namespace, begin), planned.epoch)
    return _carried_on(connection, request, held, example)


def why_not(live: LiveService, record: ReleaseRecord, promotion: Release | None, version: str) -> str:
    """Why there is no promotion to undo; empty if there is one."""
    champion = live.champion_version
    if promotion is None or not promotion.previous_spec:
        return f"the record holds no promotion of version {champion}, so there is no version to go back to"
    if version and version != champion:
        return f"version {version} is not the champion (found {found_instead(live)})"
    if is_reversal(promotion):
        return (
            f"version {champion} was put back already, by release {promotion.epoch}: deploy version "
            f"{promotion.from_version} to go forward again"
        )
    if live.canaries or live.stable is None or live.stable.digest != promotion.digest:
        return f"the service is not what the promotion of version {champion} left (found {found_instead(live)})"
    return ""


def _promotion_of(record: ReleaseRecord, champion: str) -> Release | None:
    """The promotion that made the champion; releases since that ended without one do not count."""
    for each in reversed(record.releases):
        if each.state in (State.PROMOTED, State.SERVING) and not each.open:
            return each if each.state is State.PROMOTED and each.to_version == champion else None
    return None


def _begun(record: ReleaseRecord, request: RollBackRequest, live: LiveService, promotion: Release) -> ReleaseRecord:
    """The record with the reverse release open in it."""
    before, stable = champion_before(promotion), live.stable
    assert stable is not None
    # An epoch is never used again, so neither is the name.
    arm = f"v{before.version}-e{record.epoch + 1}" if live.mode is Mode.STANDARD else ""
    predictor = {**before.predictor, "name": arm} if arm else dict(before.predictor)
    return release.start(
        record,
        run_id=request.holder,
        from_version=live.champion_version,
        to_version=promotion.from_version,
        digest=before.digest,
        uri=before.uri,
        weight=0,
        previous_spec={
            **{key: value for key, value in live.spec.items() if key not in ("predictor", "canary")},
            "predictor": dict(stable.predictor),
        },
        now=now(),
        expires_at=expiry(request.seconds),
        evidence={
            "arm": arm,
            "revision_before": str(rollout.predictor_status(live).get("latestCreatedRevision", "")),
            "reason": request.reason,
            _REVERSES: promotion.epoch,
            _REVERSED: promotion.to_version,
            _PREDICTOR: predictor,
        },
    )


def _entering(live: LiveService, held: Release) -> Mapping[str, Any] | None:
    if place(live, held) is not Place.ABSENT or live.stable is None:
        return None
    spec = service_manifests.dark_spec(live.mode, live.stable.predictor, held.evidence[_PREDICTOR])
    return service_manifests.changed(live, spec)


def _carried_on(connection: Connection, request: RollBackRequest, held: Release, example: Example) -> RolledBack:
    """From wherever an earlier try has left it to its end."""
    spot = (connection, request.service, request.namespace)
    live = change_service(*spot, held.epoch, _entering)
    found = place(live, held)
    if found is Place.PARKED:
        # An earlier try could not put the champion's own spec back.
        left = withdraw(*spot, held, request.seconds)
        if not left.over:
            return RolledBack(Outcome.NOT_RESTORED, (left.said,))
        finish(*spot, held.epoch, release.refused, {"ended": left.said})
        return undo(connection, request)
    if found not in (Place.CANARY, Place.CHAMPION):
        said = f"somebody else changed the service (found {found_instead(live)})"
        finish(*spot, held.epoch, release.refused, {"ended": said})
        return RolledBack(Outcome.NOT_RESTORED, (said,))
    if held.state is State.STARTED:
        change_record(*spot, lambda record: release.applied(record, held.epoch))
    if found is Place.CANARY:
        served = _waited(connection, request, live, held, example)
        if not served.serves:
            left = withdraw(*spot, held, request.seconds)
            reasons = (*served.reasons, f"version {held.to_version} did not come back: {left.said}", *served.notes)
            if left.over:
                finish(*spot, held.epoch, release.refused, {"ended": served.reasons[0]})
            return RolledBack(Outcome.NOT_RESTORED, reasons, served.numbers)
        change_record(
            *spot,
            lambda record: release.serving(
                record, held.epoch, now=now(), expires_at=held.expires_at, finished=False, evidence={}
            ),
        )
    return _promoted(connection, request, held, example)


def _waited(
    connection: Connection, request: RollBackRequest, live: LiveService, held: Release, example: Example
) -> Served:
    print(f"{request.service}: version {held.to_version} starts beside the champion; waiting", flush=True)
    asked = Asked(
        mode=live.mode,
        uri=held.uri,
        arm=str(held.evidence["arm"]),
        weight=0,
        canary=True,
        revision_before=str(held.evidence["revision_before"]),
    )
    return wait_until_served(connection, _target(request, held), asked, example)


def _promoted(connection: Connection, request: RollBackRequest, held: Release, example: Example) -> RolledBack:
    spot = (connection, request.service, request.namespace)
    live, asked = make_champion(*spot, held)
    if place(live, held) is not Place.CHAMPION or live.stable is None or live.stable.uri != held.uri:
        said = f"somebody else changed the service (found {found_instead(live)})"
        finish(*spot, held.epoch, release.refused, {"ended": said})
        return RolledBack(Outcome.NOT_RESTORED, (said,))
    served = wait_until_served(connection, _target(request, held), asked, example)
    finish(*spot, held.epoch, named_champion, {"promoted": dict(served.numbers)})
    said = f"version {held.to_version} is champion again in the place of version {held.from_version}"
    if not served.serves and not served.by_policy:
        return RolledBack(Outcome.NOT_RESTORED, (*served.reasons, said, *served.notes), served.numbers)
    return RolledBack(Outcome.ROLLED_BACK, (said, *served.reasons, *served.notes), served.numbers)


def _target(request: RollBackRequest, held: Release) -> Target:
    return Target(request.service, request.namespace, held.to_version, request.seconds)
