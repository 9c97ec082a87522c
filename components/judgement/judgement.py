"""The step ``judge``: walk a canary's weights, and say whether it is promoted or rolled back."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from pathlib import Path

from kfp_lifecycle.adapters import exported_models, inference_services, kubernetes_connection, release_writes
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.adapters.counters import CounterSource, open_source
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.stop_signal import asked_to_stop
from kfp_lifecycle.components.judgement import case as cases
from kfp_lifecycle.components.judgement import page, replaying, watching
from kfp_lifecycle.components.judgement.case import Case
from kfp_lifecycle.components.judgement.memory import Memory, Progress, recalled
from kfp_lifecycle.components.judgement.outcome import Outcome
from kfp_lifecycle.components.judgement.replaying import Rows
from kfp_lifecycle.components.judgement.request import JudgeRequest, Source, check_request
from kfp_lifecycle.components.judgement.rules import REFUSED, check_deadline
from kfp_lifecycle.components.judgement.state import Answer
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.decision import save_decision
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.inference_service import LiveService
from kfp_lifecycle.core.models_root import models_root
from kfp_lifecycle.core.release import Release, Superseded


@step_entry
def judge(
    service: str,
    version: str,
    decision: Artifact,
    report: Artifact,
    rows: Artifact | None = None,
    namespace: str = "",
    weights: list[int] = [10, 25, 50],  # noqa: B006  # as the face has it; never changed
    check_seconds: int = 60,
    deadline_seconds: int = 7200,
    min_requests: int = 500,
    checks_per_weight: int = 3,
    slo_milliseconds: float = 500.0,
    error_margin: float = 0.01,
    slow_margin: float = 0.01,
    refused_margin: float = 0.01,
    alpha: float = 0.05,
    metrics: str = "",
    queries: str = "",
    evidence: str = "traffic",
    replay_limit: int = 4000,
    replay_per_second: float = 20.0,
    disagreement_limit: float = 0.05,
    disagreement_tolerance: float = 0.1,
    run_id: str = "",
) -> tuple[str]:
    """Look at the canary's requests beside the champion's, check by check, until the evidence is enough.

    The parameters are described in the face. A judge that is asked to end keeps its evidence in the release record
    and leaves the weights alone; the next one carries on. It never restores anything itself.

    Returns:
        promote, roll_back (also when nothing was decided in time) or superseded.

    Raises:
        InputError: an argument or a setting cannot be used; nothing was written.
        Stopped: the pod was asked to end.
    """
    request = check_request(
        service=service,
        namespace=namespace or kubernetes_connection.own_namespace(),
        version=version,
        evidence=evidence,
        rows_given=rows is not None,
        weights=weights,
        check_seconds=check_seconds,
        deadline_seconds=deadline_seconds,
        min_requests=min_requests,
        checks_per_weight=checks_per_weight,
        slo_milliseconds=slo_milliseconds,
        error_margin=error_margin,
        slow_margin=slow_margin,
        refused_margin=refused_margin,
        alpha=alpha,
        replay_limit=replay_limit,
        replay_per_second=replay_per_second,
        disagreement_limit=disagreement_limit,
        disagreement_tolerance=disagreement_tolerance,
        run_id=run_id or uuid.uuid4().hex,
    )
    replayed = request.source is Source.REPLAY
    source = None if replayed else open_source(metrics, queries, slo_milliseconds)
    connection = kubernetes_connection.connect()
    inference_services.check_namespace(connection, request.namespace)
    live, release = _canary(connection, request)
    check_deadline(request.rules, live.canaries[0].weight)
    table = _rows(request, release, rows)
    if source is not None:
        request = _told_by(request, source)
        watching.first_reading(live, source)
    with asked_to_stop() as stop:
        outcome, reasons, memory = _judged(connection, request, release, source, table, stop)
    made = page.make_decision(outcome, reasons, request, release, memory)
    save_decision(made, decision.path)
    Path(report.path).parent.mkdir(parents=True, exist_ok=True)
    Path(report.path).write_text(page.make_page(made, request, memory), encoding="utf-8")
    print(f"{service}: {outcome}", *reasons, sep="\n  ", flush=True)
    return (str(outcome),)


def _judged(
    connection: Connection,
    request: JudgeRequest,
    release: Release,
    source: CounterSource | None,
    table: Rows | None,
    stop: threading.Event,
) -> tuple[Outcome, tuple[str, ...], Memory]:
    progress = Progress(recalled(release, now()))
    try:
        taken = cases.take(connection, request)
        # Another judge may have written since the release was first read; now it cannot any more.
        progress.memory = recalled(taken, now())
        case = Case(connection, request, taken.epoch, taken.digest, stop)
        if source is None:
            assert table is not None
            step = replaying.judge_by_rows(case, progress, table)
        else:
            if table is not None:
                replaying.replay_all(case, progress, table)
            step = watching.watch(case, progress, source)
    except Superseded as error:
        return Outcome.SUPERSEDED, (f"{error}; this judge writes nothing more",), progress.memory
    outcome = Outcome.PROMOTE if step.answer is Answer.PROMOTE else Outcome.ROLL_BACK
    nothing = replaying.unanswered(progress.memory.tally) if table is not None else ""
    return outcome, (*step.reasons, *([nothing] if nothing and nothing not in step.reasons else [])), progress.memory


def _told_by(request: JudgeRequest, source: CounterSource) -> JudgeRequest:
    """The request without the metric that this source's queries do not tell."""
    margins = {
        metric: margin for metric, margin in request.rules.margins.items() if source.tells_refused or metric != REFUSED
    }
    return replace(request, rules=replace(request.rules, margins=margins))


def _canary(connection: Connection, request: JudgeRequest) -> tuple[LiveService, Release]:
    """The live service and the open release of its canary.

    Raises:
        InputError: there is no such service, record, champion or canary.
    """
    live = release_writes.read_service(connection, request.service, request.namespace)
    record = release_writes.read_record(connection, request.service, request.namespace)
    release = record.open
    if not live.champion_version:
        raise InputError("service", request.service, "a service with a champion to compare with", "Release one first.")
    if release is None or release.to_version != request.version:
        found = f"version {release.to_version} is" if release else "none is"
        raise InputError("version", request.version, f"the version of the open release ({found})", "Deploy it first.")
    if not any(each.digest == release.digest for each in live.canaries):
        raise InputError(
            "version", request.version, "the version of the live canary", "Its canary is gone: deploy it again."
        )
    return live, release


def _rows(request: JudgeRequest, release: Release, rows: Artifact | None) -> Rows | None:
    if rows is None or request.source is Source.TRAFFIC:
        return None
    signature = exported_models.verified_signature(models_root(), release.uri, release.digest)
    return replaying.rows_of(rows.path, signature, request.replaying.limit, request.replaying.tolerance)
