"""Do schedules fire as KFP's controller lets them: every slot once, in order, and not one that it would not?"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from kfp_lifecycle.core.cron import checked_cron
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.kfp_api import recurring_runs, runs, schedules, states
from kfp_lifecycle.local.kfp_api.database import connect, transaction
from kfp_lifecycle.local.kfp_api.recurring_runs import RecurringRun
from kfp_lifecycle.local.kfp_api.slots import Trigger, next_slot, parse_trigger

EVERY_TEN = {"periodic_schedule": {"interval_second": 10}}
BY_CRON = {"cron_schedule": {"cron": "*/10 * * * * *"}}


def slot(trigger: dict[str, Any], **options: Any) -> int | None:
    return next_slot(
        parse_trigger(trigger), **{"created": 1000.0, "last": None, "no_catchup": False, "now": 1000.0, **options}
    )


@pytest.mark.parametrize("trigger", [EVERY_TEN, BY_CRON])
def test_the_first_slot_follows_the_creation_and_the_next_the_last(trigger: dict[str, Any]) -> None:
    assert slot(trigger) == 1010
    assert slot(trigger, last=1010.0, now=5000.0) == 1020


def test_without_catching_up_cron_takes_the_newest_slot_and_an_interval_goes_on_from_now() -> None:
    assert slot(BY_CRON, no_catchup=True, now=1095.7) == 1090
    assert slot(EVERY_TEN, no_catchup=True, now=1095.7) == 1095
    assert slot(EVERY_TEN, no_catchup=True, now=1019.9) == 1010


def test_a_start_in_the_past_is_caught_up_from_and_nothing_comes_after_the_end() -> None:
    bounds = {"start_time": "1970-01-01T00:15:00Z", "end_time": "1970-01-01T00:15:25Z"}
    for trigger in (EVERY_TEN, BY_CRON):
        [(kind, schedule)] = trigger.items()
        bounded = {kind: {**schedule, **bounds}}
        assert slot(bounded) == 910
        assert slot(bounded, last=920.0) is None
        assert slot(bounded, no_catchup=True) in (920, 925)


def test_a_cron_text_that_never_matches_has_no_slot() -> None:
    assert slot({"cron_schedule": {"cron": "0 0 0 30 2 *"}}) is None


@pytest.mark.parametrize(
    "trigger",
    [
        {"periodic_schedule": {"interval_second": 10**30}},
        {"periodic_schedule": {"interval_second": 60, "start_time": "9999-12-31T23:59:59.000Z"}},
        {"cron_schedule": {"cron": "0 0 0 * * *", "start_time": "9999-12-31T23:59:59.000Z"}},
        {"cron_schedule": {"cron": "0 0 0 1 1 *", "start_time": "9999-06-30T00:00:00.000Z"}},
    ],
)
@pytest.mark.parametrize("no_catchup", [False, True])
def test_a_slot_that_would_come_after_the_end_of_the_calendar_never_comes(
    tmp_path: Path, trigger: dict[str, Any], no_catchup: bool
) -> None:
    assert slot(trigger, no_catchup=no_catchup) is None
    with database(tmp_path) as connection:
        recurring_runs.insert(connection, recurring(trigger, no_catchup=no_catchup, max_concurrency=1))
        assert schedules.fire_due(connection, 2000.0) == schedules.Fired(0, None)


_FIELD = some.one_of(
    some.just("*"), some.integers(0, 60).map(str), some.integers(1, 10**20).map(lambda step: f"*/{step}")
)


@given(fields=some.lists(_FIELD, min_size=6, max_size=6), start=some.integers(0, 253_402_300_799))
@settings(max_examples=200, deadline=None)
def test_any_cron_text_that_is_taken_has_a_slot_or_none(fields: list[str], start: int) -> None:
    try:
        text = checked_cron(" ".join(fields))
    except InputError:
        return
    found = slot({"cron_schedule": {"cron": text}}, created=float(start))
    assert found is None or found > start


@pytest.mark.parametrize("text", ["0 0 0 */2 * 1", "0 0 0 1 * 1"])
def test_a_day_field_that_begins_with_a_star_restricts_nothing_beside_a_weekday(text: str) -> None:
    # 1970-01-01 was a Thursday: the first Monday is the fifth, day 4 after the epoch; day 1 + 31 is a Sunday.
    found = slot({"cron_schedule": {"cron": text}}, created=86400.0 * 1)
    assert found == 4 * 86400


@contextmanager
def database(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(folder / "kfp.sqlite")) as connection:
        yield connection


def recurring(trigger: dict[str, Any], *, no_catchup: bool, max_concurrency: int) -> RecurringRun:
    return RecurringRun(
        **{"id": "r", "name": "tick", "experiment_id": "e", "namespace": "", "description": "", "pipeline_id": ""},
        **{"version_id": None, "documents": [{}], "parameters": {"at": "[[ScheduledTime]] [[Index]] [[RunUUID]]"}},
        **{"caching": None, "service_account": "", "max_concurrency": max_concurrency, "no_catchup": no_catchup},
        **{"trigger": trigger, "enabled": True, "created": 1000.5, "updated": 1000.5},
    )


def end_all(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        for run in runs.in_states(connection, states.ACTIVE):
            runs.enter(connection, run.id, states.SUCCEEDED)


# Each example writes to a disk that others may use, too.
@settings(deadline=None, max_examples=40)
@given(
    pauses=some.lists(some.floats(0.0, 45.0), min_size=1, max_size=12),
    restarts=some.sets(some.integers(0, 11)),
    no_catchup=some.booleans(),
    concurrency=some.integers(1, 3),
    trigger=some.sampled_from([EVERY_TEN, BY_CRON]),
)
def test_over_restarts_no_slot_comes_twice_and_with_catching_up_none_is_lost(
    pauses: list[float], restarts: set[int], no_catchup: bool, concurrency: int, trigger: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        now, connection = 1000.5, connect(Path(name) / "kfp.sqlite")
        recurring_runs.insert(connection, recurring(trigger, no_catchup=no_catchup, max_concurrency=concurrency))
        for number, pause in enumerate(pauses):
            now += pause
            fired = schedules.fire_due(connection, now)
            assert fired.runs <= concurrency
            assert fired.next_at is None or fired.next_at > now
            if number in restarts:
                connection.close()
                connection = connect(Path(name) / "kfp.sqlite")
            assert schedules.fire_due(connection, now).runs == 0 or runs.count_active(connection, "r") < concurrency
            end_all(connection)
        while schedules.fire_due(connection, now).runs:
            end_all(connection)
        made = runs.in_states(connection, [states.SUCCEEDED])
        taken = sorted(run.scheduled for run in made)
        assert len(set(taken)) == len(taken)
        assert all(slot <= now for slot in taken)
        if not no_catchup:
            assert taken == [float(slot) for slot in range(1010, int(now) + 1, 10)]
        elif int(now) >= 1010:
            assert now - taken[-1] < 10
        connection.close()


def test_the_parameters_of_a_firing_tell_its_slot_its_number_and_its_run(tmp_path: Path) -> None:
    with database(tmp_path) as connection:
        recurring_runs.insert(connection, recurring(EVERY_TEN, no_catchup=False, max_concurrency=10))
        assert schedules.fire_due(connection, 1025.0) == schedules.Fired(2, 1030)
        first, second = runs.in_states(connection, [states.PENDING])
        assert first.parameters == {"at": f"19700101001650 1 {first.id}"}
        assert (second.parameters, second.name) == ({"at": f"19700101001700 2 {second.id}"}, "tick-2")


def test_a_trigger_is_read_as_the_api_keeps_it() -> None:
    kept = {"cron_schedule": {"cron": "0 0 3 * * *", "start_time": "1970-01-01T00:00:01.000Z"}}
    assert parse_trigger(kept) == Trigger("0 0 3 * * *", 0, 1.0)
