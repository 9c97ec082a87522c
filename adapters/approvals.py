"""Where humans write what they say of a release, and how it is read."""

from __future__ import annotations

from kfp_lifecycle.adapters import mlflow_connection, mlflow_registry, release_records
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import Conflict
from kfp_lifecycle.adapters.release_records import StoredRecord
from kfp_lifecycle.adapters.release_writes import ATTEMPTS
from kfp_lifecycle.core import approval
from kfp_lifecycle.core.approval import Answer, Asked, UnreadableAnswer, Verdict
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.release_format import RecordError


def annotation(connection: Connection, service: str, namespace: str) -> str:
    """What the release record's ConfigMap is annotated with; empty where nobody wrote anything."""
    stored = release_records.read(connection, service, namespace)
    return stored.annotations.get(approval.ANNOTATION, "") if stored else ""


def tag(model: str, version: str) -> tuple[str, str]:
    """What the MLflow version is tagged with, and why that cannot be read; both empty where there is no tag."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    try:
        found = mlflow_registry.find_version(mlflow_connection.connect(), model, version)
    except (InputError, MlflowException, RequestException) as error:
        return "", f"the tags of version {version} cannot be read: {mlflow_connection.public_uri(str(error))[:300]}"
    return (found.tags.get(approval.TAG, ""), "") if found else ("", f"MLflow has no version {version} of {model!r}")


def write_annotation(
    connection: Connection, service: str, namespace: str, version: str, verdict: Verdict, by: str
) -> tuple[Asked, Answer]:
    """Answer the gate that waits for this version, if it still does.

    A rejection may follow an approval that no gate has seen yet; nothing follows a rejection.

    Raises:
        InputError: no gate waits for it, or it was answered.
        KubernetesError: the cluster refuses, or others change the record again and again.
        RecordError: the record cannot be read.
    """
    try:
        name = approval.check_name(by)
    except UnreadableAnswer as error:
        raise InputError("by", by, f"the name of whoever decides ({error})", "Write for example --by ann.") from error
    for _ in range(ATTEMPTS):
        stored = release_records.read(connection, service, namespace)
        asked = _asked(stored, service, namespace, version)
        # A clock that is behind the step's own must not make an answer out of what came before the question.
        answer = Answer(verdict, version, asked.ticket, name, max(now(), asked.asked_at).replace(microsecond=0))
        assert stored is not None
        said = _said(stored, asked)
        if said and said.verdict is verdict:
            return asked, said
        if said and said.verdict is Verdict.REJECTED:
            raise InputError(
                "version", version, f"a release that nobody has rejected ({said.by} has)", "Release it again."
            )
        try:
            release_records.annotate(connection, namespace, stored, approval.ANNOTATION, approval.answer_text(answer))
        except Conflict:
            continue
        return asked, answer
    raise Conflict(409, f"the release record of {service!r} changed {ATTEMPTS} times in a row: try again")


def _asked(stored: StoredRecord | None, service: str, namespace: str, version: str) -> Asked:
    """What the gate of this version asks for.

    Raises:
        InputError: no gate waits for it.
        RecordError: what its gate keeps is damaged.
    """
    if stored is None:
        raise InputError(
            "service", service, f"a service with a release record in namespace {namespace!r}", "Name it as deploy did."
        )
    held = stored.record.open
    if held is None or held.to_version != version:
        found = f"version {held.to_version} is" if held else "none is"
        raise InputError(
            "version", version, f"the version of the open release ({found})", "Look at the log of the step approve."
        )
    kept = held.evidence.get(approval.EVIDENCE)
    if not kept:
        raise InputError(
            "version", version, "a release that waits for approval", "Wait until its judge has said promote."
        )
    try:
        asked = approval.asked_from_json(kept)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"what the gate keeps in the release record is damaged ({type(error).__name__})") from error
    if ended := kept.get("outcome"):
        raise InputError("version", version, f"a release that still waits (it is {ended})", "Release it again.")
    if now() >= asked.deadline:
        raise InputError(
            "version", version, f"a release that still waits (until {kept['deadline']} only)", "Release it again."
        )
    return asked


def _said(stored: StoredRecord, asked: Asked) -> Answer | None:
    """What somebody has said of this very release before."""
    try:
        said = approval.read_answer(stored.annotations.get(approval.ANNOTATION, ""))
    except UnreadableAnswer:
        return None
    return said if said.ticket == asked.ticket else None
