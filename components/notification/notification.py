"""The step ``notify``: tell a webhook how a run ended, and first end the release that it left open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from kfp_lifecycle.adapters import kubernetes_connection, left_releases, release_records, run_notes, webhooks
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.adapters.webhooks import Delivery
from kfp_lifecycle.components.notification.message import (
    Envelope,
    Format,
    Message,
    content_of,
    envelope,
    fit_to_send,
)
from kfp_lifecycle.components.notification.outcome import Outcome
from kfp_lifecycle.core import report as html
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.decision import Decision, save_decision
from kfp_lifecycle.core.errors import step_entry
from kfp_lifecycle.core.release import ReleaseRecord
from kfp_lifecycle.core.release_inputs import check_service_name, check_timeout
from kfp_lifecycle.core.run_ending import RunEnding, run_ending
from kfp_lifecycle.core.run_notes import RunNote

_WHY = "its run ended without a verdict"


class FinalStatus(Protocol):
    """What KFP says of the tasks that an exit handler guards."""

    state: str
    error_message: str | None


@step_entry
def notify(
    status: FinalStatus,
    decision: Artifact,
    report: Artifact,
    service: str = "",
    namespace: str = "",
    run_id: str = "",
    run_name: str = "",
    take_off: bool = False,
    timeout_seconds: int = 900,
) -> tuple[str]:
    """Tell how a run ended; the parameters are described in the face.

    Whatever goes wrong here, the receiver included, is told in the decision and in the log and fails nothing. The
    receiver's address comes from the settings and is never written anywhere.

    Returns:
        sent, not_sent or not_delivered.
    """
    secrets = [os.environ.get(name, "") for name in settings.FROM_SECRET]
    ending, where, notes = _ended(status, service, namespace, run_id, take_off, timeout_seconds)
    safe = {name: fit_to_send(str(value), secrets) for name, value in vars(ending).items() if name != "outcome"}
    told = Message(
        run_id=run_id,
        run_name=fit_to_send(run_name, secrets),
        state=str(status.state or "UNKNOWN"),
        ending=RunEnding(ending.outcome, **safe),
        service=service,
        namespace=where,
        notes=tuple(fit_to_send(note, secrets) for note in notes),
        at=now(),
    )
    outcome, reason, attempts = _sent(told)
    inputs = {key: value for key, value in content_of(told).items() if value not in ("", [])}
    made = Decision(outcome, (reason, *([told.ending.reason] if told.ending.reason else []), *told.notes),
                    {"attempts": attempts}, inputs)  # fmt: skip
    save_decision(made, decision.path)
    Path(report.path).parent.mkdir(parents=True, exist_ok=True)
    sections = [html.decision_section(made), html.Section("Message", html.mapping_table(inputs))]
    Path(report.path).write_text(html.page("How the run ended", sections), encoding="utf-8")
    print(f"{ending.outcome}: {outcome}", *made.reasons, sep="\n  ", flush=True)
    return (str(outcome),)


def _ended(
    status: FinalStatus, service: str, namespace: str, run_id: str, take_off: bool, seconds: int
) -> tuple[RunEnding, str, tuple[str, ...]]:
    """What the run came to, the namespace of its service, and what could not be found out or done."""
    record: ReleaseRecord | None = None
    notes: tuple[str, ...] = ()
    where = namespace
    if service:
        try:
            check_service_name(service)
            where = namespace or kubernetes_connection.own_namespace()
            connection = kubernetes_connection.connect()
            if take_off and run_id:
                ended = left_releases.end_left_release(
                    connection, service, where, run_id, seconds=check_timeout(seconds), why=_WHY
                )
                notes = ended.reasons if ended else ()
        except (RuntimeError, ValueError, OSError) as error:
            notes = (f"what the run left could not be taken off, the sweep will: {type(error).__name__}: {error}",)
        try:
            stored = release_records.read(kubernetes_connection.connect(), service, where)
            record = stored.record if stored else None
        except (RuntimeError, ValueError, OSError) as error:
            notes = (*notes, f"the release record cannot be read: {type(error).__name__}: {error}")
    note: RunNote | None = None
    if run_id:
        try:
            note = run_notes.read(run_id)
        except (RuntimeError, ValueError, OSError) as error:
            # A pipeline that releases nothing may have no rights here.
            print(f"no note on the run can be read: {type(error).__name__}: {error}", flush=True)
    return run_ending(record, run_id, str(status.state or ""), status.error_message or "", note), where, notes


def _sent(message: Message) -> tuple[Outcome, str, int]:
    try:
        return _delivered(message)
    except Exception as error:  # noqa: BLE001 - the message is told last, and a release that went well must not fail by it
        # Neither the error's words nor its traceback, as they may hold the address.
        return Outcome.NOT_DELIVERED, f"the message could not be sent ({type(error).__name__})", 0


def _delivered(message: Message) -> tuple[Outcome, str, int]:
    url = settings.setting(settings.WEBHOOK_URL)
    form = settings.setting(settings.WEBHOOK_FORMAT)
    if not url:
        return Outcome.NOT_SENT, f"{settings.WEBHOOK_URL} is not set", 0
    if not webhooks.is_address(url):
        return Outcome.NOT_SENT, f"{settings.WEBHOOK_URL} is no http or https address", 0
    if form not in list(Format):
        return Outcome.NOT_SENT, f"{settings.WEBHOOK_FORMAT} is {form!r}, none of {', '.join(Format)}", 0
    made: Envelope = envelope(message, Format(form))
    delivered: Delivery = webhooks.deliver(url, made.body, made.content_type)
    if not delivered.taken:
        return Outcome.NOT_DELIVERED, delivered.reason, delivered.attempts
    return Outcome.SENT, f"the receiver took a message of format {form}", delivered.attempts
