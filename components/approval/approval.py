"""The step ``approve``: hold a judged canary until a human has said yes or no."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

from kfp_lifecycle.adapters import inference_services, kubernetes_connection, mlflow_connection, release_writes
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.stop_signal import asked_to_stop
from kfp_lifecycle.components.approval import holding
from kfp_lifecycle.components.approval.gate import Word
from kfp_lifecycle.components.approval.holding import Gate
from kfp_lifecycle.components.approval.outcome import Outcome
from kfp_lifecycle.components.approval.request import ApprovalRequest, check_request
from kfp_lifecycle.core import report as html
from kfp_lifecycle.core.approval import Asked
from kfp_lifecycle.core.approval_inputs import Source
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.decision import Decision, save_decision
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.release import Superseded
from kfp_lifecycle.core.release_place import Place, found_instead, place
from kfp_lifecycle.core.window import format_time


@step_entry
def approve(
    service: str,
    version: str,
    decision: Artifact,
    report: Artifact,
    namespace: str = "",
    source: str = "any",
    timeout_seconds: float = 86400,
    check_seconds: float = 60,
    run_id: str = "",
) -> tuple[str]:
    """Wait for a human's word on a canary that its judge would promote.

    The parameters are described in the face. A step that is asked to end leaves everything as it is; the next one
    asks for the same, until the same deadline. It never moves traffic.

    Returns:
        approved (also where nobody is to be asked), rejected, timed_out (which means no) or superseded.

    Raises:
        InputError: an argument or a setting cannot be used; nothing was written.
        Stopped: the pod was asked to end.
    """
    request = check_request(
        service=service,
        namespace=namespace or kubernetes_connection.own_namespace(),
        version=version,
        source=source,
        timeout_seconds=timeout_seconds,
        check_seconds=check_seconds,
        run_id=run_id or uuid.uuid4().hex,
    )
    made = _nobody_asked(request) if request.source is Source.NONE else _decided(request)
    save_decision(made, decision.path)
    Path(report.path).parent.mkdir(parents=True, exist_ok=True)
    sections = [html.decision_section(made), html.Section("Approval", html.mapping_table(made.inputs))]
    Path(report.path).write_text(html.page(f"Approval of {service} version {version}", sections), encoding="utf-8")
    print(f"{service}: {made.outcome}", *made.reasons, sep="\n  ", flush=True)
    return (str(made.outcome),)


def _nobody_asked(request: ApprovalRequest) -> Decision:
    """A pipeline whose releases need no approval has this step too; it reads and writes nothing."""
    return _decision(request, Word(Outcome.APPROVED, ("no approval was asked for",)), "", None)


def _decided(request: ApprovalRequest) -> Decision:
    if request.source is Source.TAG:
        mlflow_connection.tracking_uri()
    connection = kubernetes_connection.connect()
    inference_services.check_namespace(connection, request.namespace)
    model = _waiting(connection, request)
    with asked_to_stop() as stop:
        word, asked = _word(connection, request, model, stop)
    return _decision(request, word, model, asked)


def _word(
    connection: Connection, request: ApprovalRequest, model: str, stop: threading.Event
) -> tuple[Word, Asked | None]:
    asked: Asked | None = None
    try:
        held, asked, ended = holding.take(connection, request)
        if ended:
            return ended, asked
        gate = Gate(connection, request, model, held, asked, stop)
        until = format_time(asked.deadline)
        print(f"{request.service}: version {request.version} waits for approval until {until}", flush=True)
        print(*holding.ways(gate), sep="\n", flush=True)
        return holding.wait(gate), asked
    except Superseded as error:
        return Word(Outcome.SUPERSEDED, (f"{error}; this step writes nothing more",)), asked


def _waiting(connection: Connection, request: ApprovalRequest) -> str:
    """The registered name of a canary that can be waited with.

    Raises:
        InputError: there is no such service, record or canary.
    """
    live = release_writes.read_service(connection, request.service, request.namespace)
    record = release_writes.read_record(connection, request.service, request.namespace)
    held = record.open
    if held is None or held.to_version != request.version:
        found = f"version {held.to_version} is" if held else "none is"
        raise InputError("version", request.version, f"the version of the open release ({found})", "Deploy it first.")
    if place(live, held) is not Place.CANARY:
        raise InputError(
            "version", request.version, f"the version of the live canary (found {found_instead(live)})", "Deploy it."
        )
    return record.model


def _decision(request: ApprovalRequest, word: Word, model: str, asked: Asked | None) -> Decision:
    inputs = {
        "service": request.service,
        "namespace": request.namespace,
        "model": model,
        "version": request.version,
        "source": str(request.source),
        "run_id": request.run_id,
        "by": word.by,
        "at": word.at,
    }
    if asked:
        inputs |= {
            "digest": asked.digest,
            "release": asked.ticket,
            "asked_at": format_time(asked.asked_at),
            "deadline": format_time(asked.deadline),
        }
    return Decision(word.outcome, word.reasons, {}, {key: value for key, value in inputs.items() if value})
