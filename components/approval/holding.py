"""Holding a release while humans decide: what is read and written at each look."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kfp_lifecycle.adapters import approvals, inference_services, release_records, release_writes
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.adapters.kubernetes_connection import TRANSIENT_STATUS, Connection
from kfp_lifecycle.adapters.kubernetes_errors import KubernetesError
from kfp_lifecycle.components.approval.gate import Word, Written, decide, remarks, word_from_json, word_to_json
from kfp_lifecycle.components.approval.request import ApprovalRequest
from kfp_lifecycle.core import approval, release, release_lease, settings
from kfp_lifecycle.core.approval import Asked
from kfp_lifecycle.core.approval_inputs import Source
from kfp_lifecycle.core.release import Release, ReleaseRecord, Superseded
from kfp_lifecycle.core.release_place import Place, found_instead, place

_UNAVAILABLE = (0, *TRANSIENT_STATUS)
_LAST_LOOK = 2.0  # seconds before the deadline


class Stopped(RuntimeError):
    """The step was asked to end; the canary keeps its share, and what was asked for is in the record."""


@dataclass(frozen=True)
class Gate:
    """A gate that is open.

    Attributes:
        model: the registered name, whose version may carry the answer as a tag.
        held: the release under the epoch of this step.
        stop: set when the pod is asked to end.
    """

    connection: Connection
    request: ApprovalRequest
    model: str
    held: Release
    asked: Asked
    stop: threading.Event


def take(connection: Connection, request: ApprovalRequest) -> tuple[Release, Asked, Word | None]:
    """Take the release over from its judge, or from a gate that died, whose question and deadline stay.

    Returns:
        The release under its new epoch, what is asked for, and how the gate ended if it did before.

    Raises:
        Superseded: the release is no longer open.
    """

    def taken(record: ReleaseRecord) -> ReleaseRecord:
        held = record.open
        if held is None or held.to_version != request.version:
            raise Superseded(f"the release of version {request.version} is no longer the open one")
        kept = held.evidence.get(approval.EVIDENCE)
        began = now()
        lasts = release_lease.handover(began) if kept and kept["outcome"] else _lease(request)
        record = release.taken_over(record, run_id=request.run_id, expires_at=lasts)
        if not kept:
            deadline = began + timedelta(seconds=request.timeout_seconds)
            asked = Asked(
                request.service, request.namespace, held.to_version, held.digest, record.epoch, began, deadline
            )
            kept = {**approval.asked_to_json(asked), **word_to_json(None)}
        evidence = {approval.EVIDENCE: kept}
        return release.judged(record, record.epoch, weight=held.weight, expires_at=lasts, evidence=evidence)

    record = release_writes.change_record(connection, request.service, request.namespace, taken)
    held = release.current(record, record.epoch)
    kept = held.evidence[approval.EVIDENCE]
    return held, approval.asked_from_json(kept), word_from_json(kept)


def wait(gate: Gate) -> Word:
    """Look until there is an answer, or until the deadline.

    An API that is away for a while costs time: only when the release may have expired meanwhile does its error end
    the wait.

    Raises:
        Stopped: the pod was asked to end; nothing was decided.
        Superseded: somebody took the release over, or its canary is gone.
    """
    lasts_until, told = _lease(gate.request), tuple[str, ...]()
    while True:
        try:
            word, told = _look(gate, told)
            lasts_until = _lease(gate.request)
        except KubernetesError as error:
            if error.status not in _UNAVAILABLE or now() >= lasts_until:
                raise
            print(f"{error}; looking again in {gate.request.check_seconds:g} s", flush=True)
            word = None
        if word:
            return word
        if gate.stop.wait(_pause(gate)):
            raise Stopped("the step was asked to end while it waited for approval; the next one carries on")


def _pause(gate: Gate) -> float:
    """Seconds until the next look; as late answers do not count, the last but one is just before the deadline."""
    left = (gate.asked.deadline - now()).total_seconds()
    if left <= 0:
        return gate.request.check_seconds
    return min(gate.request.check_seconds, left - _LAST_LOOK if left > _LAST_LOOK else left)


def _look(gate: Gate, told: tuple[str, ...]) -> tuple[Word | None, tuple[str, ...]]:
    request = gate.request
    live = inference_services.read(gate.connection, request.service, request.namespace)
    if live is None or place(live, gate.held) is not Place.CANARY:
        instead = f"found {found_instead(live)}" if live else "the service is gone"
        raise Superseded(f"version {request.version} no longer stands as a canary ({instead})")
    found, unread = _texts(gate)
    moment = now()
    word = decide(gate.asked, found, moment, unread)
    _remember(gate, word)
    notes = (*unread, *remarks(gate.asked, found, moment))
    for note in notes:
        if note not in told:
            print(note, flush=True)
    return word, notes


def _texts(gate: Gate) -> tuple[list[Written], tuple[str, ...]]:
    """What humans wrote, and what could not be read, a sentence each.

    Raises:
        KubernetesError: the annotation cannot be read; this look decides nothing.
    """
    request = gate.request
    found, unread = list[Written](), tuple[str, ...]()
    if request.source is not Source.TAG:
        text = approvals.annotation(gate.connection, request.service, request.namespace)
        found.append(Written(f"the annotation {approval.ANNOTATION} of the release record", text))
    if _tags_count(request):
        text, why_not = approvals.tag(gate.model, request.version)
        found.append(Written(f"the tag {approval.TAG} in MLflow", text))
        unread = (f"{why_not}; nothing is approved while a rejection may stand there",) if why_not else ()
    return found, unread


def _tags_count(request: ApprovalRequest) -> bool:
    """Where either place counts and no MLflow is named, nobody can have said anything there."""
    either = request.source is Source.ANY and bool(settings.setting(settings.MLFLOW_TRACKING_URI))
    return either or request.source is Source.TAG


def _remember(gate: Gate, word: Word | None) -> None:
    """Keep the release from expiring, and the end before anybody hears of it.

    Raises:
        Superseded: somebody took the release over.
    """
    request, held = gate.request, gate.held
    lasts = release_lease.handover(now()) if word else _lease(request)
    evidence = {approval.EVIDENCE: {**approval.asked_to_json(gate.asked), **word_to_json(word)}}
    release_writes.change_record(
        gate.connection,
        request.service,
        request.namespace,
        lambda record: release.judged(record, held.epoch, weight=held.weight, expires_at=lasts, evidence=evidence),
    )


def ways(gate: Gate) -> Sequence[str]:
    """How a human answers, in lines for the log."""
    request, asked = gate.request, gate.asked
    line = f"approved version {asked.version} release {asked.ticket} by NAME"
    lines = []
    if request.source is not Source.TAG:
        named = f"--service {asked.service} --version {asked.version} --namespace {asked.namespace}"
        lines.append(f"kfp-lifecycle approve {named} --by NAME (or with --reject)")
        lines.append(f"or annotate ConfigMap {release_records.name(asked.service)} {approval.ANNOTATION}='{line}'")
    if _tags_count(request):
        lines.append(f"or in MLflow, version {asked.version} of {gate.model}: tag {approval.TAG} = {line}")
    return lines


def _lease(request: ApprovalRequest) -> datetime:
    return release_lease.lease(now(), request.check_seconds)
