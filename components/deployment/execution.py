"""A planned release, step by step: recorded, applied, awaited, and finished or taken back.

Every write carries the version that was read, and the record is written before the service. So a release that was
killed anywhere is carried on by the next run of the same content, and two releases cannot both win.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from kfp_lifecycle.adapters import inference_services, release_records
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import Conflict, FieldConflict, Invalid
from kfp_lifecycle.adapters.release_records import StoredRecord
from kfp_lifecycle.adapters.rollouts import PROBE_SECONDS
from kfp_lifecycle.components.deployment.outcome import Outcome
from kfp_lifecycle.components.deployment.plan import Plan, make_plan
from kfp_lifecycle.components.deployment.request import ReleaseRequest, check_service
from kfp_lifecycle.core import release, rollout, service_manifests
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.inference_service import LiveService, Mode
from kfp_lifecycle.core.release import ReleaseRecord, Superseded
from kfp_lifecycle.core.rollout import Asked

ATTEMPTS = 10
# What a step needs beyond its wait, until it has written how it ended, each request being tried to its last second.
_MARGIN = timedelta(seconds=PROBE_SECONDS + 600)
# How long a canary waits for its judge to take it over before it counts as abandoned.
HANDOVER = timedelta(hours=1)


@dataclass(frozen=True)
class Applied:
    """A release that the service asks for, or a plan that writes nothing."""

    plan: Plan
    live: LiveService | None
    asked: Asked | None = None
    epoch: int = 0


def record_and_apply(connection: Connection, request: ReleaseRequest, mode: Mode) -> Applied:
    """Read, decide, record, apply; again from the start whenever somebody else was faster.

    Raises:
        InputError: the service belongs to somebody else, or the API refuses the spec.
    """
    tried, epoch = False, 0
    for _ in range(ATTEMPTS):
        live = inference_services.read(connection, request.service, request.namespace)
        stored = _stored(connection, request)
        # A write whose answer was lost may have opened the release: only the record tells.
        epoch = _held(request, stored.record) if tried else 0
        try:
            check_service(request, live, stored.record if stored.resource_version else None)
            plan = make_plan(request, mode, live, stored.record, now())
            if not plan.writes:
                return _nothing_written(connection, request, plan, live, epoch)
            manifest = _manifest(request, mode, plan.spec, plan.champion, live)
            _rehearse(connection, manifest)
            tried = True
            stored = release_records.write(connection, request.namespace, stored, _begun(stored.record, request, plan))
            epoch = stored.record.epoch
            after = inference_services.apply(connection, manifest)
            release_records.write(connection, request.namespace, stored, release.applied(stored.record, epoch))
        except Conflict:
            continue
        except FieldConflict as error:
            refused = replace(plan, outcome=Outcome.REFUSED, reasons=(str(error),))
            return _nothing_written(connection, request, refused, live, epoch)
        except InputError as error:
            _nothing_written(connection, request, Plan(Outcome.REFUSED, (str(error),)), live, epoch)
            raise
        return Applied(plan, after, _asked(mode, request, plan, live), epoch)
    raise RuntimeError(f"InferenceService {request.service!r} or its record changed {ATTEMPTS} times in a row")


def _held(request: ReleaseRequest, record: ReleaseRecord) -> int:
    """The epoch of the open release of this run and version; 0 if there is none."""
    found = record.open
    mine = found and (found.run_id, found.to_version, found.digest) == (request.run_id, request.version, request.digest)
    return found.epoch if found and mine else 0


def _nothing_written(
    connection: Connection, request: ReleaseRequest, plan: Plan, live: LiveService | None, epoch: int
) -> Applied:
    """The service stays as it is; a release that this call recorded and may not apply is closed again."""
    if epoch and plan.outcome is Outcome.REFUSED:
        finish(connection, request, Applied(plan, live, epoch=epoch), plan.outcome, {"reasons": list(plan.reasons)})
    return Applied(plan, live)


def name_champion(connection: Connection, request: ReleaseRequest, applied: Applied) -> None:
    """Set the annotation of a first release that answered its probe.

    Raises:
        Superseded: the service no longer serves this version.
    """
    for _ in range(ATTEMPTS):
        live = inference_services.read(connection, request.service, request.namespace)
        if live is None or live.stable is None or live.stable.digest != request.digest:
            raise Superseded(f"InferenceService {request.service!r} was changed by somebody else while it was released")
        if live.champion_version == request.version:
            return
        try:
            inference_services.apply(
                connection, _manifest(request, live.mode, applied.plan.spec, request.version, live)
            )
        except Conflict:
            continue
        return
    raise RuntimeError(f"InferenceService {request.service!r} changed {ATTEMPTS} times in a row")


def finish(
    connection: Connection, request: ReleaseRequest, applied: Applied, outcome: Outcome, evidence: Mapping[str, Any]
) -> str:
    """Write into the record how the release ended; why not, if it is over already."""
    for _ in range(ATTEMPTS):
        stored = _stored(connection, request)
        try:
            ended = _ended(stored.record, applied.epoch, outcome, evidence)
        except Superseded as error:
            return str(error)
        try:
            release_records.write(connection, request.namespace, stored, ended)
        except Conflict:
            continue
        return ""
    raise RuntimeError(f"the release record of {request.service!r} changed {ATTEMPTS} times in a row")


def _stored(connection: Connection, request: ReleaseRequest) -> StoredRecord:
    found = release_records.read(connection, request.service, request.namespace)
    return found or StoredRecord(ReleaseRecord(request.service, request.model, request.environment), "")


def _begun(record: ReleaseRecord, request: ReleaseRequest, plan: Plan) -> ReleaseRecord:
    """The record with this release open in it."""
    expires_at = now() + timedelta(seconds=request.seconds) + _MARGIN
    known = {"from_version": plan.from_version, "previous_spec": plan.previous}
    if plan.continues:
        return release.renewed(record, plan.continues, run_id=request.run_id, expires_at=expires_at, **known)
    if plan.ends:
        record = release.failed(record, record.epoch, now=now(), evidence={"ended": plan.ends})
    return release.start(
        record,
        run_id=request.run_id,
        to_version=request.version,
        digest=request.digest,
        uri=request.uri,
        weight=plan.weight,
        now=now(),
        expires_at=expires_at,
        evidence={"arm": plan.arm, "revision_before": plan.revision_before},
        **known,  # type: ignore[arg-type]
    )


def _ended(record: ReleaseRecord, epoch: int, outcome: Outcome, evidence: Mapping[str, Any]) -> ReleaseRecord:
    if outcome is Outcome.REFUSED:
        return release.refused(record, epoch, now=now(), evidence=evidence)
    return release.serving(
        record,
        epoch,
        now=now(),
        expires_at=now() + HANDOVER,
        finished=outcome is Outcome.FIRST_RELEASE,
        evidence=evidence,
    )


def _rehearse(connection: Connection, manifest: Mapping[str, Any]) -> None:
    """Let the API check the write before anything is written."""
    try:
        inference_services.rehearse(connection, manifest)
    except Invalid as error:
        raise InputError(
            "spec_overrides",
            manifest["spec"],
            "a spec that the Kubernetes API and KServe's webhook accept",
            f"{error}. Correct the field that is named.",
        ) from error


def _manifest(
    request: ReleaseRequest, mode: Mode, spec: Mapping[str, Any], champion: str, live: LiveService | None
) -> dict[str, Any]:
    return service_manifests.manifest(
        service=request.service,
        namespace=request.namespace,
        mode=mode,
        model=request.model,
        spec=spec,
        champion_version=champion,
        resource_version=live.resource_version if live else "",
    )


def _asked(mode: Mode, request: ReleaseRequest, plan: Plan, before: LiveService | None) -> Asked:
    return Asked(
        mode=mode,
        uri=request.uri,
        arm=plan.arm,
        weight=plan.weight,
        canary=plan.outcome is Outcome.CANARY,
        revision_before=plan.revision_before,
        # Also where the spec stays the same: what stood there then speaks of the try before.
        model_status_before=rollout.model_status(before) if before else None,
    )
