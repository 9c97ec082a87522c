"""Firing of recurring runs: a slot and its run come into the database together, or not at all."""

from __future__ import annotations

import logging
import sqlite3
import uuid
from dataclasses import dataclass

from kfp_lifecycle.local.kfp_api import pipelines, recurring_runs, runs
from kfp_lifecycle.local.kfp_api.database import transaction
from kfp_lifecycle.local.kfp_api.macros import Firing, expanded
from kfp_lifecycle.local.kfp_api.moments import rendered
from kfp_lifecycle.local.kfp_api.recurring_runs import RecurringRun
from kfp_lifecycle.local.kfp_api.runs import Run
from kfp_lifecycle.local.kfp_api.slots import next_slot, parse_trigger

# What one schedule can be at fault for; what ails the database or the disk is everybody's, and ends the process.
_FAULTS = (
    *(ArithmeticError, LookupError, RuntimeError, TypeError, ValueError),
    *(sqlite3.DataError, sqlite3.IntegrityError, sqlite3.ProgrammingError),
)
_log = logging.getLogger(__name__)


class _NoVersionError(RuntimeError):
    """There is nothing to run; a version may be uploaded yet."""


@dataclass(frozen=True)
class Fired:
    """What :func:`fire_due` did; ``next_at`` is the earliest slot to come, Unix seconds, None if there is none."""

    runs: int
    next_at: float | None


def fire_due(connection: sqlite3.Connection, now: float, told: dict[str, str] | None = None) -> Fired:
    """Fire every slot that is due, as far as max_concurrency lets it.

    A slot that max_concurrency holds back waits for the end of a run: call this again then. With no_catchup, the newest
    of the slots that passed meanwhile is taken. One that cannot be fired is logged, and the others go on.

    Args:
        told: what was logged last of each recurring run; it is not logged again.
    """
    told = {} if told is None else told
    count, coming = 0, []
    for recurring in recurring_runs.enabled(connection):
        try:
            slot, fired = _fire_next(connection, recurring.id, now)
            while fired:
                count += 1
                slot, fired = _fire_next(connection, recurring.id, now)
        except _FAULTS as fault:
            text = str(fault) if isinstance(fault, _NoVersionError) else f"{type(fault).__name__}: {fault}"
            if told.get(recurring.id) != text:
                told[recurring.id] = text
                _log.warning("recurring run %s (%s) cannot be fired: %s", recurring.name, recurring.id, text)
            continue
        if slot is not None and slot > now:
            coming.append(slot)
    return Fired(count, min(coming, default=None))


def _fire_next(connection: sqlite3.Connection, identity: str, now: float) -> tuple[int | None, bool]:
    """The next slot of a recurring run, and whether it was fired."""
    with transaction(connection):
        return _fire_in_transaction(connection, identity, now)


def _fire_in_transaction(connection: sqlite3.Connection, identity: str, now: float) -> tuple[int | None, bool]:
    recurring = recurring_runs.get(connection, identity)
    if recurring is None or not recurring.enabled:
        return None, False
    slot = next_slot(
        parse_trigger(recurring.trigger),
        created=recurring.created,
        last=recurring_runs.last_slot(connection, identity),
        no_catchup=recurring.no_catchup,
        now=now,
    )
    if slot != recurring.next_at:
        recurring_runs.set_next(connection, identity, slot)
    if slot is None or slot > now or runs.count_active(connection, identity) >= recurring.max_concurrency:
        return slot, False
    run = _new_run(connection, recurring, slot, now)
    if not recurring_runs.take_slot(connection, identity, slot, run.id):
        raise RuntimeError(f"slot {slot} of recurring run {identity} is taken, but it is not the last one")
    runs.insert(connection, run)
    return slot, True


def _new_run(connection: sqlite3.Connection, recurring: RecurringRun, slot: int, now: float) -> Run:
    documents, version_id = recurring.documents, recurring.version_id or ""
    if recurring.pipeline_id and recurring.version_id is None:
        latest = pipelines.latest_version(connection, recurring.pipeline_id)
        if latest is None:
            raise _NoVersionError(f"its pipeline has no version left for the slot {rendered(slot)}")
        documents, version_id = latest.documents, latest.id
    index = recurring_runs.count_slots(connection, recurring.id) + 1
    run_id = str(uuid.uuid4())
    return Run(
        id=run_id,
        name=f"{recurring.name}-{index}",
        experiment_id=recurring.experiment_id,
        namespace=recurring.namespace,
        description=recurring.description,
        pipeline_id=recurring.pipeline_id,
        version_id=version_id,
        documents=documents,
        parameters=expanded(recurring.parameters, Firing(run_id, slot, now, index)),
        caching=recurring.caching,
        service_account=recurring.service_account,
        recurring_run_id=recurring.id,
        created=now,
        scheduled=slot,
    )
