"""Rows replayed to both arms, check by check, and what their answers say."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from kfp_lifecycle.adapters import replay as replays
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.components.judgement import case as cases
from kfp_lifecycle.components.judgement import disagreement, health, tally, verdict, walk
from kfp_lifecycle.components.judgement.canary import bar
from kfp_lifecycle.components.judgement.case import Case, Stopped
from kfp_lifecycle.components.judgement.memory import Progress
from kfp_lifecycle.components.judgement.observation import Observation
from kfp_lifecycle.components.judgement.rules import Rules
from kfp_lifecycle.components.judgement.state import Answer
from kfp_lifecycle.components.judgement.tally import Reply, Tally
from kfp_lifecycle.components.judgement.walk import Step
from kfp_lifecycle.core import rollout, service_addresses, settings
from kfp_lifecycle.core.arms import NoCanary, arms_of
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.inference_service import LiveService
from kfp_lifecycle.core.row_request import row_request
from kfp_lifecycle.core.signature import Signature
from kfp_lifecycle.core.table import read_batches, read_schema

# Rows of one check: the evidence of one check is capped, so few large checks would say less than many small ones.
BATCH = 200
# Each row counts for one arm in turn, so the arms share them evenly.
EVENLY = 50
_LONGEST_BATCH = 60  # seconds
_TELLING = 20


@dataclass(frozen=True)
class Rows:
    """What is replayed.

    Attributes:
        path: a table.
        scale: regression: how far apart two answers agree, in the label's unit; None for labels.
    """

    path: str
    signature: Signature
    scale: float | None


def rows_of(path: str, signature: Signature, limit: int, tolerance: float) -> Rows:
    """The rows of a table that this model can be asked about.

    Raises:
        InputError: a column of the model is missing, or the label of a regression.
    """
    known = read_schema(path).names
    if next(_rows(path, known[:1]), None) is None:
        raise InputError("rows", path, "a table with at least one row", "Nothing can be replayed from it.")
    wanted = [*signature.names, *([signature.label] if signature.task == "regression" else [])]
    if missing := [name for name in wanted if name not in known]:
        raise InputError("rows", missing[0], f"a column of the table, which has {', '.join(known)}", "Replay others.")
    if signature.task != "regression":
        return Rows(path, signature, None)
    labels = [row[signature.label] for row in islice(_rows(path, [signature.label]), limit)]
    values = [float(value) for value in labels if value is not None and math.isfinite(value)]
    return Rows(path, signature, tolerance * statistics.pstdev(values) if values else 0.0)


def judge_by_rows(case: Case, progress: Progress, rows: Rows) -> Step:
    """Replay until there is a verdict, or no row is left, which is undecided.

    Raises:
        Stopped, Superseded: as ``watching.watch``.
    """
    rules = replace(case.request.rules, weights=(EVENLY,))
    for seen in _batches(case, progress.memory.tally, rows):
        progress.memory = replace(progress.memory, tally=seen)
        step = _advanced(case, progress, rules)
        if step.answer in (Answer.PROMOTE, Answer.ROLL_BACK):
            return step
    state, sent = progress.memory.state, progress.memory.tally.sent
    reasons = (f"undecided: all {sent:,} rows were replayed", *verdict.lacking(state, rules))
    return Step(state, Answer.ROLL_BACK, reasons)


def replay_all(case: Case, progress: Progress, rows: Rows) -> None:
    """Replay until the rows tell whether the arms agree, none is left, or the deadline is there.

    Restarts of the canary meanwhile are found by the first check of its traffic, which compares with its pods as they
    are now.
    """
    live, canary = case.canary()
    if progress.memory.restarts is None:
        progress.memory = replace(progress.memory, restarts=_pods(case, live)[1])
    rules = case.request.rules
    for seen in _batches(case, progress.memory.tally, rows):
        progress.memory = replace(progress.memory, tally=tally.emptied(seen))
        cases.remember(case, progress.memory, canary.weight)
        print(f"replayed {seen.sent} rows: {seen.disagreements} of {seen.rows} answered otherwise", flush=True)
        sides = disagreement.evidence(seen.disagreements, seen.rows, rules.disagreement_limit)
        # The bar of a rollback is higher with more metrics; twice is high enough for any.
        if sides.worse > 2 * bar(rules.alpha) or sides.no_worse > bar(rules.alpha) or unanswered(seen):
            break
        if progress.memory.seconds(now()) >= rules.deadline_seconds:
            break


def unanswered(seen: Tally) -> str:
    """Why rows tell nothing, when the champion answered none of the first ones; empty otherwise."""
    if seen.rows or seen.sent < _TELLING:
        return ""
    if seen.denied == seen.sent:
        return f"not reachable by policy: all {seen.sent} rows were answered with status 401 or 403"
    return f"the champion gave no prediction for any of {seen.sent} rows: it may not know their columns"


def _advanced(case: Case, progress: Progress, rules: Rules) -> Step:
    memory = progress.memory
    live, canary = case.canary()
    pods, restarts = _pods(case, live)
    arms = memory.tally.arms
    requests = [sum(getattr(pair, arm).total for pair in list(arms.values())[:1]) for arm in ("canary", "stable")]
    again = health.new_restarts(memory.restarts, restarts) if memory.restarts is not None else 0
    not_ready = health.why_not_ready(live, canary, _workload(live))
    seen = Observation(
        seconds=memory.seconds(now()),
        weight=EVENLY,
        arms=arms,
        canary_requests=requests[0],
        stable_requests=requests[1],
        replayed=(memory.tally.disagreements, memory.tally.rows),
        query_error=unanswered(memory.tally),
        restarts=again,
        ready=not not_ready,
        not_ready="; ".join(text for text in (not_ready, health.last_end(pods) if again else "") if text),
    )
    step = walk.advance(memory.state, rules, seen)
    progress.memory = replace(memory, state=step.state, restarts=restarts, tally=tally.emptied(memory.tally))
    decided = step.answer in (Answer.PROMOTE, Answer.ROLL_BACK)
    cases.remember(case, progress.memory, canary.weight, decided=decided)
    why = step.reasons[0] if step.reasons else "no reason given"
    print(f"{live.name}: {memory.tally.sent} rows replayed; {step.answer}: {why}", flush=True)
    return step


def _pods(case: Case, live: LiveService) -> tuple[list[dict[str, Any]], dict[str, int]]:
    found = cases.pods(case, _workload(live))
    return found, health.restarts(found)


def _workload(live: LiveService) -> str:
    try:
        return arms_of(live).canary
    except NoCanary:
        # Knative names no second arm while its revision is not ready.
        return str(rollout.predictor_status(live).get("latestCreatedRevision") or live.name)


def _batches(case: Case, start: Tally, rows: Rows) -> Iterator[Tally]:
    """The tally after each batch; rows that an earlier judge sent are left out."""
    request = case.request
    live, canary = case.canary()
    limit, counts = request.replaying.limit, start
    pending = islice(_rows(rows.path, rows.signature.names), start.sent, limit)
    answers = replays.replay(
        (row_request(rows.signature, row) for row in pending),
        model=request.service,
        canary_host=_host(live, canary.name, canary=True),
        stable_host=_host(live, live.stable.name if live.stable else "", canary=False),
        per_second=request.replaying.per_second,
        stop=case.stop,
    )
    while True:
        before, began = counts.sent, time.monotonic()
        for answer in answers:
            counts = tally.added(
                counts,
                _reply(answer.canary),
                _reply(answer.stable),
                denied=answer.denied,
                scale=rows.scale,
                slow_seconds=request.slow_seconds,
            )
            # By time too: the release must be renewed while arms hang.
            if counts.sent - before >= BATCH or time.monotonic() - began > _LONGEST_BATCH:
                break
        if case.stop.is_set():
            raise Stopped("the judge was asked to end")
        if counts.sent == before:
            return
        yield counts
        counts = tally.emptied(counts)


def _host(live: LiveService, arm: str, *, canary: bool) -> str:
    domain = settings.setting(settings.GATEWAY_DOMAIN)
    host = service_addresses.arm_host if canary else service_addresses.stable_host
    return host(live.mode, live.name, live.namespace, domain, arm)


def _reply(answer: replays.ArmAnswer) -> Reply:
    return Reply(answer.failed, answer.seconds, answer.value, answer.refused)


def _rows(path: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    for batch in read_batches(path, columns):
        yield from batch.to_pylist()
