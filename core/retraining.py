"""Whether a retrain may be started now, by what was started before. Pure.

Time is the ``as_of`` of each asking run, never the clock: a step that is retried after midnight, and the slots that a
schedule makes up for, get the answer that they would have got on time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from kfp_lifecycle.core.decision import Decision
from kfp_lifecycle.core.window import Window, format_time

RETRAIN = "retrain"  # the one answer of a monitor that asks for something
_DAY = timedelta(days=1)


class RetrainOutcome(StrEnum):
    """What ``start_retrain`` can answer."""

    START = "start"  # the run is started, by this caller or by one of before that could not say so
    ALREADY_RUNNING = "already_running"  # this window has its run, or another window's goes on
    COOLING_DOWN = "cooling_down"  # the last retrain is too recent, or stands for a later window
    OVER_BUDGET = "over_budget"
    NOT_ENOUGH_NEW_LABELS = "not_enough_new_labels"
    NO_DRIFT = "no_drift"  # the monitor asked for none


@dataclass(frozen=True)
class Cause:
    """What is to be retrained, and for what.

    Attributes:
        trigger: the kind of reason; monitors and webhooks that name the same one share its runs.
        window: of event time, the last one that was judged.
        as_of: the moment that the asking run stands for.
        caller: the asking run; empty where it has no name. A run that asks again gets the answer of its first time.
        asked: what the monitor answered; only ``retrain`` starts anything.
        new_labels: labelled rows that were judged; None where nobody counted them.
    """

    model: str
    environment: str
    trigger: str
    window: Window
    as_of: datetime
    caller: str = ""
    asked: str = RETRAIN
    new_labels: int | None = None

    @property
    def key(self) -> str:
        """What may happen once: none of its parts can hold a slash, but the window, which has one."""
        return f"{self.model}/{self.environment}/{self.trigger}/{self.window}"

    @property
    def offered(self) -> dict[str, str]:
        """The parameters that a training pipeline gets where it has them and they are not given."""
        return {"as_of": format_time(self.as_of), "model_name": self.model, "environment": self.environment}


@dataclass(frozen=True)
class Limits:
    """How often a model may be retrained.

    Attributes:
        cooldown: between the ``as_of`` of two retrains.
        budget: retrains in any ``budget_period`` that ends at an ``as_of``, whatever became of them.
        max_running: retrains at the same time.
        min_new_labels: 0 starts without labels too.
    """

    cooldown: timedelta = 7 * _DAY
    budget: int = 4
    budget_period: timedelta = 28 * _DAY
    max_running: int = 1
    min_new_labels: int = 0


@dataclass(frozen=True)
class Past:
    """A retrain that was started, or is about to be.

    Attributes:
        running: its run has not ended, or its holder is still at starting it.
    """

    key: str
    window: str
    as_of: datetime
    running: bool
    run_id: str = ""
    caller: str = ""


@dataclass
class _Answer:
    numbers: dict[str, float | int] = field(default_factory=dict)
    inputs: dict[str, object] = field(default_factory=dict)

    def __call__(self, outcome: RetrainOutcome, reason: str) -> Decision:
        return Decision(outcome, (reason,), self.numbers, self.inputs)


def decide_retrain(cause: Cause, past: Sequence[Past], limits: Limits) -> Decision:
    """Whether the retrain may be started.

    Args:
        past: all retrains of the cause's model and environment, in any order.

    Returns:
        A decision with a ``RetrainOutcome``; its numbers tell how near each limit is.
    """
    others = [each for each in past if each.key != cause.key]
    last = max(others, key=lambda each: (each.as_of, each.key), default=None)
    running = sorted((each for each in others if each.running), key=lambda each: (each.as_of, each.key))
    spent = [each for each in others if cause.as_of - limits.budget_period < each.as_of <= cause.as_of]
    answer = _Answer(_numbers(cause, last, len(running), len(spent), limits), _inputs(cause))
    if cause.asked != RETRAIN:
        return answer(RetrainOutcome.NO_DRIFT, f"the monitor answered {cause.asked}, which asks for no retrain")
    own = next((each for each in past if each.key == cause.key), None)
    if own and cause.caller and own.caller == cause.caller:
        return answer(RetrainOutcome.START, f"run {own.run_id} was started by an earlier try of this run")
    if own:
        goes_on = "goes on" if own.running else "has ended"
        run = f"run {own.run_id}" if own.run_id else "a run that is being started"
        return answer(
            RetrainOutcome.ALREADY_RUNNING, f"{run} was started for the same window {own.window} and {goes_on}"
        )
    if len(running) >= limits.max_running:
        first = running[0]
        return answer(
            RetrainOutcome.ALREADY_RUNNING,
            f"{len(running)} of at most {limits.max_running} retrains are running: "
            f"{f'run {first.run_id}' if first.run_id else 'one that is being started'} for {first.window}",
        )
    if last and last.as_of > cause.as_of:
        return answer(
            RetrainOutcome.COOLING_DOWN,
            f"the model was retrained for a later moment already: run {last.run_id} as of {format_time(last.as_of)}",
        )
    if last and cause.as_of - last.as_of < limits.cooldown:
        ends = format_time(last.as_of + limits.cooldown)
        return answer(
            RetrainOutcome.COOLING_DOWN,
            f"the last retrain, run {last.run_id}, was as of {format_time(last.as_of)}; the next may be as of {ends}",
        )
    if len(spent) >= limits.budget:
        return answer(
            RetrainOutcome.OVER_BUDGET,
            f"{len(spent)} retrains in the {_days(limits.budget_period)} days before {format_time(cause.as_of)}, and "
            f"the budget is {limits.budget}: a model that needs more needs somebody to look at it",
        )
    if limits.min_new_labels and (cause.new_labels or 0) < limits.min_new_labels:
        counted = "no labelled rows were counted" if cause.new_labels is None else f"{cause.new_labels} labelled rows"
        return answer(RetrainOutcome.NOT_ENOUGH_NEW_LABELS, f"{counted}, and a retrain needs {limits.min_new_labels}")
    return answer(RetrainOutcome.START, f"the monitor asked for a retrain for {cause.window}, and no limit forbids it")


def _numbers(cause: Cause, last: Past | None, running: int, spent: int, limits: Limits) -> dict[str, float | int]:
    numbers: dict[str, float | int] = {
        "running": running,
        "max_running": limits.max_running,
        "cooldown_days": _days(limits.cooldown),
        "retrains_in_budget_period": spent,
        "budget": limits.budget,
        "budget_period_days": _days(limits.budget_period),
        "min_new_labels": limits.min_new_labels,
    }
    if last:
        numbers["days_since_last_retrain"] = _days(cause.as_of - last.as_of)
    if cause.new_labels is not None:
        numbers["new_labels"] = cause.new_labels
    return numbers


def _inputs(cause: Cause) -> dict[str, object]:
    return {
        "model": cause.model,
        "environment": cause.environment,
        "trigger": cause.trigger,
        "window": str(cause.window),
        "as_of": format_time(cause.as_of),
        "monitor": cause.asked,
    }


def _days(length: timedelta) -> float:
    return length / _DAY
