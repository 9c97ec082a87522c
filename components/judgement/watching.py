"""The loop that looks at live traffic, check by check, until there is a verdict."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace

from kfp_lifecycle.adapters import probe
from kfp_lifecycle.adapters.clock import now
from kfp_lifecycle.adapters.counters import CounterError, CounterSource, NoSeries
from kfp_lifecycle.adapters.kubernetes_errors import KubernetesError
from kfp_lifecycle.components.judgement import case as cases
from kfp_lifecycle.components.judgement import health, walk
from kfp_lifecycle.components.judgement.canary import Counts, TwoArms, bar
from kfp_lifecycle.components.judgement.case import Case, Stopped
from kfp_lifecycle.components.judgement.memory import Memory, Progress
from kfp_lifecycle.components.judgement.observation import Observation
from kfp_lifecycle.components.judgement.request import Source
from kfp_lifecycle.components.judgement.rules import ERRORS, REFUSED, SLOW
from kfp_lifecycle.components.judgement.state import Answer
from kfp_lifecycle.components.judgement.walk import Step
from kfp_lifecycle.core.arms import Arms, NoCanary, arms_of
from kfp_lifecycle.core.counters import ArmCounts, Snapshot, counted
from kfp_lifecycle.core.inference_service import Arm, LiveService

_UNAVAILABLE = (0, 429, 500, 502, 503, 504)
_ASKED_EACH = 10
_MOST = 0.5


@dataclass
class _Readings:
    """What the next check compares with, and how many checks in a row saw no request at all."""

    arms: Arms | None = None
    before: Snapshot | None = None
    silent: int = 0


def watch(case: Case, progress: Progress, source: CounterSource) -> Step:
    """Check after check until the canary is to be promoted or rolled back.

    Every check is in the record before the weights move. An API that is away for a while costs time, not evidence:
    only when the release may have expired meanwhile does the error end the judgement.

    Raises:
        Stopped: the pod was asked to end; nothing was undone.
        Superseded: somebody took the release over, or the canary is gone.
        InputError: the latency objective is no edge of the histogram.
    """
    readings, lasts_until = _Readings(), cases.lease(case.request)
    live, _ = case.canary()
    readings.arms, readings.before = first_reading(live, source)
    interval, due = case.request.rules.check_seconds, time.monotonic()
    while True:
        # Steady while checks are quick; after a pause no missed check is made up for, it would see next to nothing.
        due = due + interval if due + interval > time.monotonic() else time.monotonic() + interval
        if case.stop.wait(due - time.monotonic()):
            raise Stopped("the judge was asked to end")
        try:
            step = _check(case, progress, source, readings)
            lasts_until = cases.lease(case.request)
        except KubernetesError as error:
            if error.status not in _UNAVAILABLE or now() >= lasts_until:
                raise
            print(f"{error}; trying again at the next check", flush=True)
            continue
        if step.answer in (Answer.PROMOTE, Answer.ROLL_BACK):
            return step


def _check(case: Case, progress: Progress, source: CounterSource, readings: _Readings) -> Step:
    live, canary = case.canary()
    seen, restarts = _observation(case, progress.memory, live, canary, source, readings)
    step = walk.advance(progress.memory.state, case.request.rules, seen)
    # Kept before it is written: a write that fails must not lose what was seen.
    progress.memory = replace(progress.memory, state=step.state, restarts=restarts)
    print(_line(case, step, canary.weight), flush=True)
    decided = step.answer in (Answer.PROMOTE, Answer.ROLL_BACK)
    cases.remember(case, progress.memory, step.weight or canary.weight, decided=decided)
    if step.weight is not None:
        cases.move(case, step.weight)
    return step


def _observation(
    case: Case, memory: Memory, live: LiveService, canary: Arm, source: CounterSource, readings: _Readings
) -> tuple[Observation, dict[str, int] | None]:
    blank = Observation(
        seconds=memory.seconds(now()),
        weight=canary.weight,
        arms={},
        canary_requests=0,
        stable_requests=0,
        replayed=None if case.request.source is Source.TRAFFIC else (memory.tally.disagreements, memory.tally.rows),
    )
    try:
        readings.arms = arms_of(live)
    except NoCanary as error:
        # Knative shows no second arm while its revision is not ready.
        return replace(blank, ready=False, not_ready=str(error)), _known(memory)
    pods = cases.pods(case, readings.arms.canary)
    restarts = health.restarts(pods)
    again = health.new_restarts(memory.restarts, restarts) if memory.restarts is not None else 0
    not_ready = health.why_not_ready(live, canary, readings.arms.canary)
    fate = "; ".join(text for text in (not_ready, health.last_end(pods) if again else "") if text)
    seen = replace(blank, restarts=again, ready=not not_ready, not_ready=fate)
    return _with_counts(case, seen, source, readings), restarts


def _with_counts(case: Case, seen: Observation, source: CounterSource, readings: _Readings) -> Observation:
    assert readings.arms is not None
    try:
        snapshot = source.read(readings.arms)
    except (CounterError, NoSeries) as error:
        return replace(seen, query_error=str(error))
    if readings.before is None:
        readings.before = snapshot
        return replace(seen, query_error="the counters were read for the first time")
    canary, stable, readings.before = counted(readings.before, snapshot)
    readings.silent = 0 if canary.requests or stable.requests else readings.silent + 1
    if denied := _denied(case, source, readings) or _refused_everywhere(canary, stable):
        return replace(seen, query_error=denied)
    return replace(
        seen,
        arms=_metrics(case, canary, stable),
        canary_requests=canary.requests,
        stable_requests=stable.requests,
    )


def _metrics(case: Case, canary: ArmCounts, stable: ArmCounts) -> dict[str, TwoArms]:
    found = {
        ERRORS: TwoArms(Counts(canary.requests, canary.errors), Counts(stable.requests, stable.errors)),
        SLOW: TwoArms(Counts(canary.timed, canary.slow), Counts(stable.timed, stable.slow)),
        REFUSED: TwoArms(Counts(canary.requests, canary.refused), Counts(stable.requests, stable.refused)),
    }
    return {metric: found[metric] for metric in case.request.rules.margins}


def first_reading(live: LiveService, source: CounterSource) -> tuple[Arms | None, Snapshot | None]:
    """What the first check compares with, as far as it can be read yet.

    Raises:
        InputError: the latency objective is no edge of the histogram.
    """
    try:
        arms = arms_of(live)
        return arms, source.read(arms)
    except (NoCanary, CounterError, NoSeries) as error:
        print(f"before the first check: {error}", flush=True)
        return None, None


def _denied(case: Case, source: CounterSource, readings: _Readings) -> str:
    """Why nothing reaches a silent service, if a policy refuses callers; empty otherwise."""
    # Asked now and then only: where callers are let through, the question is a request itself.
    if readings.silent % _ASKED_EACH != 1:
        return ""
    assert readings.arms is not None and readings.before is not None
    denied = probe.denial(case.request.service, case.request.namespace)
    with suppress(CounterError, NoSeries):
        readings.before = counted(readings.before, source.read(readings.arms))[2]
    if denied:
        readings.silent = 0
    return denied


def _refused_everywhere(canary: ArmCounts, stable: ArmCounts) -> str:
    """Why counts tell nothing of the model, when both arms refuse most of what they are sent."""
    shares = [arm.refused / arm.requests if arm.requests else 0.0 for arm in (canary, stable)]
    if min(shares) <= _MOST:
        return ""
    return (
        f"{shares[0]:.0%} of the canary's and {shares[1]:.0%} of the champion's requests are answered with status 4xx: "
        "not reachable by policy, or asked in a way that neither takes"
    )


def _known(memory: Memory) -> dict[str, int] | None:
    return dict(memory.restarts) if memory.restarts is not None else None


def _line(case: Case, step: Step, weight: int) -> str:
    last = step.state.records[-1]
    arms = ", ".join(
        f"{metric} {bad}/{total} v {stable_bad}/{stable_total}"
        for metric, (total, bad, stable_total, stable_bad) in last.arms.items()
    )
    said = f"check {step.state.checks} after {last.seconds:.0f} s at {weight} %: {arms or 'no counts'}"
    if last.reason or step.weight is not None:
        return f"{said}; {step.answer}: {last.reason or step.reasons[0]}"
    promising = ", ".join(f"{metric} {no_worse:.1f}" for metric, (_, no_worse) in last.evidence.items())
    return f"{said}; evidence of no worse: {promising} of {bar(case.request.rules.alpha):.1f}"
