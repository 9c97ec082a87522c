"""Take a release back: its canary off, or its finished promotion undone by a release in reverse."""

from __future__ import annotations

import uuid
from pathlib import Path

from kfp_lifecycle.adapters import inference_services, kubernetes_connection, release_records
from kfp_lifecycle.adapters.champion_alias import mirror_champion
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.release_endings import Ending, end_release
from kfp_lifecycle.adapters.release_takeovers import take_over
from kfp_lifecycle.adapters.release_writes import read_record, read_service
from kfp_lifecycle.components.rollback import reversal
from kfp_lifecycle.components.rollback.outcome import Outcome, RollBackRequest, RolledBack
from kfp_lifecycle.core import report as html
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.decision import Decision, save_decision
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.release import Release, Superseded
from kfp_lifecycle.core.release_inputs import check_champion, check_service_name, check_timeout, check_version
from kfp_lifecycle.core.release_place import found_instead

_LOOKS = 5
_OUTCOMES = {
    Ending.RESTORED: Outcome.ROLLED_BACK,
    Ending.PROMOTED: Outcome.NOTHING_TO_DO,
    Ending.CLOSED: Outcome.NOTHING_TO_DO,
    Ending.UNRESTORED: Outcome.NOT_RESTORED,
}


@step_entry
def roll_back(
    service: str,
    decision: Artifact,
    report: Artifact,
    namespace: str = "",
    version: str = "",
    run_id: str = "",
    reason: str = "",
    undo_promotion: bool = False,
    timeout_seconds: int = 900,
) -> tuple[str]:
    """Give users back what they got before a release.

    With ``run_id`` this is what an exit handler calls: it touches an open release of that run and nothing else, and
    has nothing to do where that run promoted its version, or never released one.

    Args:
        decision: gets decision.json.
        report: gets the decision as a page.
        namespace: empty means the pod's own.
        version: roll back this version only; empty takes any.
        run_id: roll back an open release of this run only; empty takes whoever's.
        reason: kept in the record.
        undo_promotion: where no release is open, put back the version before the champion.
        timeout_seconds: how long a rollout may take.

    Returns:
        rolled_back, nothing_to_do or not_restored.

    Raises:
        InputError: an argument cannot be used, or there is nothing of the kind; nothing was written.
    """
    if run_id and undo_promotion:
        raise InputError(
            "undo_promotion",
            undo_promotion,
            "false where run_id is given",
            "With a run_id only an open release of that run is taken back: leave one of the two out.",
        )
    request = RollBackRequest(
        check_service_name(service),
        namespace or kubernetes_connection.own_namespace(),
        check_version(version) if version else "",
        run_id,
        reason,
        undo_promotion,
        check_timeout(timeout_seconds),
        run_id or uuid.uuid4().hex,
    )
    connection = kubernetes_connection.connect()
    inference_services.check_namespace(connection, request.namespace)
    made = _roll_back(connection, request)
    inputs = {key: value for key, value in vars(request).items() if key not in ("seconds", "holder") and value != ""}
    decided = Decision(made.outcome, made.reasons, made.numbers, inputs)
    save_decision(decided, decision.path)
    Path(report.path).parent.mkdir(parents=True, exist_ok=True)
    sections = [html.decision_section(decided), html.Section("Roll back", html.mapping_table(inputs))]
    Path(report.path).write_text(html.page(f"Roll back of {service}", sections), encoding="utf-8")
    print(f"{service}: {made.outcome}", *made.reasons, sep="\n  ", flush=True)
    return (str(made.outcome),)


def _roll_back(connection: Connection, request: RollBackRequest) -> RolledBack:
    said = ""
    for _ in range(_LOOKS):
        try:
            seen, nothing = _wanted(connection, request)
            if nothing:
                return RolledBack(Outcome.NOTHING_TO_DO, nothing)
            made = _ended(connection, request, seen) if seen else reversal.undo(connection, request)
        except Superseded as error:
            said = str(error)
            # Whoever took it over is at work: two that take it from each other would never come to an end.
            if _others_end(connection, request):
                continue
            break
        # With an alias that lies, the next evaluation would compare with another champion.
        environment = read_record(connection, request.service, request.namespace).environment
        _, notes = mirror_champion(connection, request.service, request.namespace, environment)
        return RolledBack(made.outcome, (*made.reasons, *notes), made.numbers)
    return RolledBack(Outcome.NOT_RESTORED, (f"somebody else is at work: {said}",))


def _others_end(connection: Connection, request: RollBackRequest) -> bool:
    """Whether the release that was taken from this call is ended in time by who took it."""
    for _ in inference_services.follow(connection, request.service, request.namespace, request.seconds):
        held = read_record(connection, request.service, request.namespace).open
        if held is None or held.run_id == request.holder:
            return True
    return False


def _wanted(connection: Connection, request: RollBackRequest) -> tuple[Release | None, tuple[str, ...]]:
    """The open release to be rolled back, or why there is nothing to do; neither where a promotion is to be undone."""
    if request.run_id:
        stored = release_records.read(connection, request.service, request.namespace)
        held = stored.record.open if stored else None
        if held is None or held.run_id != request.run_id or _another(request, held):
            return None, (f"run {request.run_id!r} holds no open release of {request.service!r}",)
        return held, ()
    live = read_service(connection, request.service, request.namespace)
    record = read_record(connection, request.service, request.namespace)
    held = record.open
    if held and not _another(request, held):
        return (None if request.undo and reversal.is_reversal(held) else held), ()
    check_champion(live)
    if held:
        return None, (f"the open release is of version {held.to_version} (found {found_instead(live)})",)
    if request.undo:
        return None, ()
    _, notes = mirror_champion(connection, request.service, request.namespace, record.environment)
    return None, (f"no release is open (found {found_instead(live)})", *notes)


def _another(request: RollBackRequest, held: Release) -> bool:
    return bool(request.version) and request.version not in (held.to_version, reversal.reversed_version(held))


def _ended(connection: Connection, request: RollBackRequest, seen: Release) -> RolledBack:
    place = (connection, request.service, request.namespace)
    held = take_over(
        *place,
        seen,
        run_id=request.holder,
        seconds=request.seconds,
        still=lambda release: release.run_id == seen.run_id or not request.run_id,
    )
    ended = end_release(*place, held, seconds=request.seconds, why=request.reason or "rolled back")
    if ended.ending is Ending.PROMOTED and request.undo:
        return reversal.undo(connection, request)
    return RolledBack(_OUTCOMES[ended.ending], ended.reasons, ended.numbers)
