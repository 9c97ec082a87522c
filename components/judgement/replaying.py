"""Rows replayed to both arms, check by check, and what their answers say."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from kfp_lifecycle.adapters import replay as replays
from kfp_lifecycle.components.judgement import case as cases
from kfp_lifecycle.components.judgement import disagreement, tally, walk
from kfp_lifecycle.components.judgement.canary import bar
from kfp_lifecycle.components.judgement.case import Case, Stopped
from kfp_lifecycle.components.judgement.memory import Memory
from kfp_lifecycle.components.judgement.observation import Observation
from kfp_lifecycle.components.judgement.state import Answer
from kfp_lifecycle.components.judgement.tally import Reply, Tally
from kfp_lifecycle.components.judgement.walk import Step
from kfp_lifecycle.core import service_addresses, settings
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.inference_service import LiveService
from kfp_lifecycle.core.row_request import row_request
from kfp_lifecycle.core.signature import Signature
from kfp_lifecycle.core.table import read_batches, read_schema

# Rows of one check: the evidence of one check is capped, so few large checks would say less than many small ones.
BATCH = 200
# Each row counts for one arm in turn, so the arms share them evenly.
EVENLY = 50
_POLICY_ROWS = 10


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
    wanted = [*signature.names, *([signature.label] if signature.task == "regression" else [])]
    if missing := [name for name in wanted if name not in known]:
        raise InputError("rows", missing[0], f"a column of the table, which has {', '.join(known)}", "Replay others.")
    if signature.task != "regression":
        return Rows(path, signature, None)
    labels = [row[signature.label] for row in islice(_rows(path, [signature.label]), limit)]
    values = [float(value) for value in labels if value is not None and math.isfinite(value)]
    return Rows(path, signature, tolerance * statistics.pstdev(values) if values else 0.0)


def judge_by_rows(case: Case, memory: Memory, rows: Rows) -> tuple[Step, Memory]:
    """Replay until there is a verdict, or no row is left, which is undecided.

    Raises:
        Stopped, Superseded: as ``watching.watch``.
    """
    rules = replace(case.request.rules, weights=(EVENLY,))
    for seen in _batches(case, memory.tally, rows):
        memory = replace(memory, tally=seen)
        step, memory = _advanced(case, memory, rules, memory.seconds(cases.now()))
        if step.answer in (Answer.PROMOTE, Answer.ROLL_BACK):
            return step, memory
    return _advanced(case, replace(memory, tally=tally.emptied(memory.tally)), rules, rules.deadline_seconds)


def replay_all(case: Case, memory: Memory, rows: Rows) -> Memory:
    """Replay until the rows tell whether the arms agree, or none is left."""
    for seen in _batches(case, memory.tally, rows):
        memory = replace(memory, tally=tally.emptied(seen))
        _, canary = case.canary()
        cases.remember(case, memory, canary.weight)
        print(f"replayed {seen.rows} rows: {seen.disagreements} answered otherwise", flush=True)
        sides = disagreement.evidence(seen.disagreements, seen.rows, case.request.rules.disagreement_limit)
        # The bar of a rollback is higher with more metrics; twice is high enough for any.
        if sides.worse > 2 * bar(case.request.rules.alpha) or sides.no_worse > bar(case.request.rules.alpha):
            break
    return memory


def _advanced(case: Case, memory: Memory, rules: Any, seconds: float) -> tuple[Step, Memory]:
    live, canary = case.canary()
    arms = memory.tally.arms
    requests = [sum(getattr(pair, arm).total for pair in list(arms.values())[:1]) for arm in ("canary", "stable")]
    denied = memory.tally.denied >= _POLICY_ROWS and not memory.tally.rows
    seen = Observation(
        seconds=seconds,
        weight=EVENLY,
        arms=arms,
        canary_requests=requests[0],
        stable_requests=requests[1],
        replayed=(memory.tally.disagreements, memory.tally.rows),
        query_error="not reachable by policy: the arms' own addresses answer 401 or 403" if denied else "",
    )
    step = walk.advance(memory.state, rules, seen)
    memory = replace(memory, state=step.state, tally=tally.emptied(memory.tally))
    cases.remember(case, memory, canary.weight)
    why = step.reasons[0] if step.reasons else "no reason given"
    print(f"{live.name}: {memory.tally.sent} rows replayed; {step.answer}: {why}", flush=True)
    return step, memory


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
        before = counts.sent
        for answer in islice(answers, BATCH):
            counts = tally.added(
                counts,
                _reply(answer.canary),
                _reply(answer.stable),
                denied=answer.denied,
                scale=rows.scale,
                slow_seconds=request.slow_seconds,
            )
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
    return Reply(answer.failed, answer.seconds, answer.value)


def _rows(path: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    for batch in read_batches(path, columns):
        yield from batch.to_pylist()
