"""A retrain that is started at most once a window, and no more often than its limits allow, whoever asks.

Monitors and webhooks go through here. Deciding and reserving are one conditional write of the book of the model's
retrains (``retrain_books``); starting the run and recording it is what ``single_runs`` does for every reservation.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from kfp_lifecycle.adapters import kfp_experiments, kfp_requests, single_runs
from kfp_lifecycle.adapters.kfp_runs import RunRequest
from kfp_lifecycle.adapters.kubernetes_errors import Conflict
from kfp_lifecycle.adapters.reservations import Withdrawn
from kfp_lifecycle.adapters.retrain_books import RetrainBook
from kfp_lifecycle.adapters.single_runs import How, Starter
from kfp_lifecycle.core.decision import Decision
from kfp_lifecycle.core.retrain_book import Entry
from kfp_lifecycle.core.retraining import RETRAIN, Cause, Limits, RetrainOutcome, decide_retrain

_ATTEMPTS = 3  # after a reservation of this caller's was struck out


@dataclass(frozen=True)
class Training:
    """The run that a retrain starts.

    Attributes:
        pipeline: the name of an uploaded one, with which the run's name begins.
        version: the name of one of its versions; empty takes the newest.
        parameters: by name; those that ``Cause.offered`` names are added where the pipeline has them.
    """

    pipeline: str
    version: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    experiment: str = kfp_experiments.DEFAULT
    service_account: str = ""


@dataclass(frozen=True)
class Retrained:
    """What was decided, and the run that stands for the window.

    Attributes:
        run_id: of the window's run, also when another caller started it; empty where there is none.
        how: None where there is none.
        book: the ConfigMap with all retrains of the model and environment; empty where it was not asked.
        entries: those retrains.
    """

    decision: Decision
    run_id: str = ""
    run_name: str = ""
    how: How | None = None
    book: str = ""
    entries: tuple[Entry, ...] = ()


class _NotNow(Exception):
    """No error: the answer of a decision, on its way out of ``single_runs``."""

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        super().__init__(decision.outcome)


def retrain(starter: Starter, cause: Cause, limits: Limits, training: Training) -> Retrained:
    """Start the retrain of a cause, unless it has its run already or something forbids it.

    Raises:
        InputError: the run cannot be made from what is given; nothing was reserved.
        StartPending: another caller is starting the run of this window.
        KfpError, KubernetesError: an API refused or is away; the next caller finds what was started.
        ReservationError: the book cannot be read.
    """
    if cause.asked != RETRAIN:
        return Retrained(decide_retrain(cause, (), limits))
    book = RetrainBook(starter.kubernetes, starter.namespace, cause)
    decided: list[Decision] = []

    def admit() -> None:
        changed = book.refresh(starter.kfp)
        decision = decide_retrain(cause, book.book.past(), limits)
        if decision.outcome is not RetrainOutcome.START:
            if changed:
                # Others need not find it out again; who was faster has written as much or more.
                with suppress(Conflict):
                    book.save()
            raise _NotNow(decision)
        decided[:] = [decision]

    def request() -> RunRequest:
        return kfp_requests.of_pipeline(
            starter.kfp,
            training.pipeline,
            training.parameters,
            training.experiment,
            training.service_account,
            version=training.version,
            offered=cause.offered,
        )

    left = _ATTEMPTS
    while True:
        try:
            found = single_runs.start(starter, cause.key, training.pipeline, request, store=book, admit=admit)
            break
        except _NotNow as answer:
            return Retrained(answer.decision, book=book.name, entries=tuple(book.book.entries.values()))
        except Withdrawn:
            # This process stood still for longer than its lease, and another window was decided on meanwhile.
            left -= 1
            if not left:
                raise
    if found.how is How.BEFORE:
        book.refresh(starter.kfp)
        decision = decide_retrain(cause, book.book.past(), limits)
    elif found.how is How.STARTED and decided:
        decision = replace(decided[0], reasons=(*decided[0].reasons, f"run {found.run_id} is started"))
    else:
        decision = _left_behind(decide_retrain(cause, (), limits), found.run_id, found.how)
    entries = tuple(book.book.entries.values())
    return Retrained(decision, found.run_id, found.run_name, found.how, book.name, entries)


def _left_behind(decision: Decision, run_id: str, how: How) -> Decision:
    """The decision of an earlier caller, carried out by this one."""
    done = "found" if how is How.ADOPTED else "started"
    reason = f"an earlier caller decided to retrain and died: run {run_id} was {done} for it"
    return replace(decision, outcome=RetrainOutcome.START, reasons=(reason,))
