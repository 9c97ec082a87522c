"""Make a canary the champion, if the champion is still the one that it was judged against."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kfp_lifecycle.adapters import inference_services, kubernetes_connection
from kfp_lifecycle.adapters.champion_alias import mirror_champion
from kfp_lifecycle.adapters.exported_models import example_or_reason, verified_example
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import Conflict, FieldConflict
from kfp_lifecycle.adapters.release_takeovers import finish, make_champion, named_champion, promotion, take_over
from kfp_lifecycle.adapters.release_writes import read_record, read_service
from kfp_lifecycle.adapters.rollouts import Target, wait_until_served
from kfp_lifecycle.adapters.withdrawal import Example
from kfp_lifecycle.components.promotion.outcome import Outcome
from kfp_lifecycle.components.promotion.staleness import why_stale
from kfp_lifecycle.core import report as html
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.decision import Decision, save_decision
from kfp_lifecycle.core.errors import step_entry
from kfp_lifecycle.core.inference_service import LiveService
from kfp_lifecycle.core.model_name import check_model_name
from kfp_lifecycle.core.models_root import models_root
from kfp_lifecycle.core.release import Release, ReleaseRecord, Superseded, check_environment
from kfp_lifecycle.core.release_inputs import (
    check_champion,
    check_owner,
    check_service_name,
    check_timeout,
    check_version,
)
from kfp_lifecycle.core.release_place import Place, found_instead, place

_LOOKS = 4
# How long one waits for another run that promotes the same version.
_OTHER_RUN_SECONDS = 60


@dataclass(frozen=True)
class PromotionRequest:
    """What is to be promoted, and who asks."""

    service: str
    namespace: str
    model: str
    version: str
    environment: str
    seconds: int
    run_id: str


@dataclass(frozen=True)
class _Promoted:
    outcome: Outcome
    reasons: tuple[str, ...]
    numbers: Mapping[str, float]


class NotServed(RuntimeError):
    """The version is champion and does not serve: a fault that nobody but a user can judge."""


@step_entry
def promote(
    service: str,
    model_name: str,
    version: str,
    decision: Artifact,
    report: Artifact,
    namespace: str = "",
    environment: str = "prod",
    timeout_seconds: int = 900,
    run_id: str = "",
) -> tuple[str]:
    """Give a canary all traffic and the champion's name, by one conditional write.

    Args:
        version: that of the canary.
        decision: gets decision.json.
        report: gets the decision as a page.
        namespace: empty means the pod's own.
        timeout_seconds: how long the service may take to follow.
        run_id: who holds the release from here on.

    Returns:
        promoted or stale.

    Raises:
        InputError: an argument cannot be used, or there is nothing of the kind; nothing was written.
        NotServed: it became champion and does not serve.
    """
    request = PromotionRequest(
        check_service_name(service),
        namespace or kubernetes_connection.own_namespace(),
        check_model_name(model_name),
        check_version(version),
        check_environment(environment),
        check_timeout(timeout_seconds),
        run_id or uuid.uuid4().hex,
    )
    connection = kubernetes_connection.connect()
    inference_services.check_namespace(connection, request.namespace)
    made = _promote(connection, request)
    inputs = {key: value for key, value in vars(request).items() if key != "seconds"}
    decided = Decision(made.outcome, made.reasons, made.numbers, inputs)
    save_decision(decided, decision.path)
    Path(report.path).parent.mkdir(parents=True, exist_ok=True)
    sections = [html.decision_section(decided), html.Section("Promotion", html.mapping_table(inputs))]
    title = f"Promotion of {request.model} version {request.version}"
    Path(report.path).write_text(html.page(title, sections), encoding="utf-8")
    print(f"{service}: {made.outcome}", *made.reasons, sep="\n  ", flush=True)
    return (str(made.outcome),)


def _promote(connection: Connection, request: PromotionRequest) -> _Promoted:
    said = ""
    for _ in range(_LOOKS):
        live = read_service(connection, request.service, request.namespace)
        record = read_record(connection, request.service, request.namespace)
        check_owner(live, record, request.model, request.environment)
        try:
            if check_champion(live) == request.version:
                return _finished(connection, request, live, record)
            if said and record.open and record.open.run_id != request.run_id:
                # Whoever took it over is at work: two that take it from each other would never come to an end.
                if _other_run_promotes(connection, request):
                    continue
                return _Promoted(Outcome.STALE, (said,), {})
            return _written(connection, request, live, record)
        except (Superseded, Conflict) as error:
            said = str(error)
    return _Promoted(Outcome.STALE, (said,), {})


def _written(connection: Connection, request: PromotionRequest, live: LiveService, record: ReleaseRecord) -> _Promoted:
    """Take the release over and promote its canary."""
    if reason := why_stale(live, record, request.version):
        return _Promoted(Outcome.STALE, (reason,), {})
    seen = record.open
    assert seen is not None
    example = verified_example(models_root(), seen.uri, seen.digest)
    try:
        inference_services.rehearse(connection, promotion(live, seen) or {})
    except FieldConflict as error:
        return _Promoted(Outcome.STALE, (str(error),), {})
    held = take_over(
        connection, request.service, request.namespace, seen, run_id=request.run_id, seconds=request.seconds
    )
    return _followed(connection, request, held, example, ())


def _finished(connection: Connection, request: PromotionRequest, live: LiveService, record: ReleaseRecord) -> _Promoted:
    """The service names the version already: what an earlier try has left undone is done."""
    seen = record.open
    if seen is None or seen.to_version != request.version:
        _, notes = mirror_champion(connection, request.service, request.namespace, request.environment)
        return _Promoted(Outcome.PROMOTED, (f"version {request.version} is champion already", *notes), {})
    if place(live, seen) is not Place.CHAMPION:
        said = f"version {request.version} is named champion, and its digest is not the stable one"
        return _Promoted(Outcome.STALE, (f"{said} (found {found_instead(live)})",), {})
    example, unprobed = example_or_reason(seen.uri, seen.digest)
    held = take_over(
        connection, request.service, request.namespace, seen, run_id=request.run_id, seconds=request.seconds
    )
    return _followed(connection, request, held, example, (unprobed,) if unprobed else ())


def _followed(
    connection: Connection, request: PromotionRequest, held: Release, example: Example, notes: tuple[str, ...]
) -> _Promoted:
    """The write, the wait, the record and the alias."""
    live, asked = make_champion(connection, request.service, request.namespace, held)
    if place(live, held) is not Place.CHAMPION:
        said = f"version {request.version} was changed by somebody else while it was promoted"
        return _Promoted(Outcome.STALE, (f"{said} (found {found_instead(live)})",), {})
    print(f"{request.service}: version {request.version} has all traffic; waiting", flush=True)
    target = Target(request.service, request.namespace, request.version, request.seconds)
    served = wait_until_served(connection, target, asked, example)
    if not served.serves and not served.by_policy:
        raise NotServed(
            f"version {request.version} of {request.service!r} is champion and does not serve: "
            f"{'; '.join(served.reasons)}. Run again once it does, or undo it with roll_back and undo_promotion."
        )
    try:
        finish(
            connection,
            request.service,
            request.namespace,
            held.epoch,
            named_champion,
            {"promoted": dict(served.numbers)},
        )
    except Superseded as error:
        notes = (*notes, f"its record was finished by somebody else: {error}")
    _, mirrored = mirror_champion(connection, request.service, request.namespace, request.environment)
    said = f"version {request.version} replaced version {held.from_version} and has all traffic"
    return _Promoted(Outcome.PROMOTED, (said, *served.reasons, *served.notes, *notes, *mirrored), served.numbers)


def _other_run_promotes(connection: Connection, request: PromotionRequest) -> bool:
    """Whether the run that took the release over ends it in time, one way or the other."""
    seconds = min(request.seconds, _OTHER_RUN_SECONDS)
    for live in inference_services.follow(connection, request.service, request.namespace, seconds):
        if live is None or live.champion_version == request.version:
            return True
        held = read_record(connection, request.service, request.namespace).open
        if held is None or held.to_version != request.version:
            return True
    return False
