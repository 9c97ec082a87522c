"""The walk of a canary up the weights, one check at a time. Pure: a loop feeds it and does what it answers.

The same observations give the same answers, and the state is plain JSON, so that a judge that was killed carries on.
In order, a check leads to: a rollback that cannot wait; a rollback as a metric is shown to be worse; a promotion, if
every metric is shown to be no worse, at the last weight, in a check that counts; a rollback at the deadline, as
silence, missing data and errors never promote; a hold; the next weight; or waiting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kfp_lifecycle.components.judgement import faults, stops, verdict
from kfp_lifecycle.components.judgement.observation import Observation
from kfp_lifecycle.components.judgement.rules import Rules
from kfp_lifecycle.components.judgement.state import Answer, Record, Seen, State, recorded, shown

_DIGITS = 4


@dataclass(frozen=True)
class Step:
    """What to do after a check.

    Attributes:
        state: to be saved before anything is done.
        reasons: sentences, the deciding one first.
        weight: percent to move the canary to; None to leave it.
    """

    state: State
    answer: Answer
    reasons: tuple[str, ...]
    weight: int | None = None


def advance(state: State, rules: Rules, check: Observation) -> Step:
    """One check on; see the module. A rollback, once answered, is answered again; a promotion must be seen again."""
    if state.over:
        return Step(state, Answer.ROLL_BACK, state.over)
    state = _entered(state, check)
    state, seen = faults.looked_at(state, rules, check)
    state = stops.watched(state, rules, check)
    if not state.fresh and not state.misrouted and seen is not Seen.MISROUTED:
        state = verdict.weighed(state, rules, check)
    state = replace(
        state,
        seconds=check.seconds,
        # The counters are compared with the last answer: a dropped check without one leaves the next to be dropped.
        fresh=state.fresh and seen is Seen.UNANSWERED,
        counted=state.counted + (seen is Seen.COUNTED),
        replayed=check.replayed or state.replayed,
    )
    answer, reasons, weight = _decided(state, rules, check, seen)
    if answer is Answer.ROLL_BACK:
        state = replace(state, over=reasons)
    return Step(recorded(state, _record(state, rules, check, seen, answer, reasons)), answer, reasons, weight)


def next_weight(rules: Rules, weight: int) -> int | None:
    """The weight after this one; None at the last."""
    return next((each for each in rules.weights if each > weight), None)


def _entered(state: State, check: Observation) -> State:
    if check.weight == state.weight:
        return state
    return replace(
        state,
        weight=check.weight,
        fresh=True,
        counted=0,
        routed=(0, 0),
        misrouted="",
        not_ready=0,
        settling=state.weight > 0,
        since=check.seconds,
    )


def _decided(state: State, rules: Rules, check: Observation, seen: Seen) -> tuple[Answer, tuple[str, ...], int | None]:
    if now := [*stops.reasons(state, rules, check), *verdict.worse(state, rules)]:
        return Answer.ROLL_BACK, tuple(now), None
    held = faults.holds(state, rules, check)
    counts = seen is Seen.COUNTED and check.ready and not held
    higher = next_weight(rules, check.weight)
    lacking = verdict.lacking(state, rules)
    if counts and higher is None and not lacking:
        return Answer.PROMOTE, tuple(verdict.shown_no_worse(state, rules)), None
    waits = _waits(state, rules, check, seen, higher, lacking)
    if check.seconds >= rules.deadline_seconds:
        first = f"undecided after {check.seconds:.0f} s: {[*held, *lacking, *waits][0]}"
        return Answer.ROLL_BACK, (first, *[*held, *lacking, *waits][1:]), None
    if held:
        return Answer.HOLD, (*held, *waits), None
    if counts and higher is not None and state.counted >= rules.checks_per_weight:
        if leans := verdict.leaning(state, rules):
            return Answer.WAIT, (f"{', '.join(leans)}: leaning to worse, the weight does not go up", *waits), None
        moved = f"{state.counted} checks counted at {check.weight} %: on to {higher} %"
        return Answer.WAIT, (moved, *lacking), higher
    return Answer.WAIT, waits, None


def _waits(
    state: State, rules: Rules, check: Observation, seen: Seen, higher: int | None, lacking: list[str]
) -> tuple[str, ...]:
    found = [] if check.ready else [f"the canary is not ready: {shown(check.not_ready)}"]
    if reason := faults.waits(seen, rules, check):
        found.append(reason)
    if higher is not None:
        found.append(
            f"{state.counted} of {rules.checks_per_weight} checks counted at {check.weight} %,"
            f" {rules.weights[-1]} % is the last weight"
        )
    return (*found, *lacking)


def _record(
    state: State, rules: Rules, check: Observation, seen: Seen, answer: Answer, reasons: tuple[str, ...]
) -> Record:
    sides = verdict.sides(state, rules)
    plain = answer is Answer.WAIT and seen is Seen.COUNTED and check.ready
    return Record(
        seconds=round(check.seconds, 1),
        weight=check.weight,
        arms={
            metric: (arms.canary.total, arms.canary.bad, arms.stable.total, arms.stable.bad)
            for metric, arms in check.arms.items()
        },
        evidence={name: (round(it.worse, _DIGITS), round(it.no_worse, _DIGITS)) for name, it in sides.items()},
        seen=seen,
        answer=answer,
        reason="" if plain else reasons[0],
    )
