"""Does one recurring run that cannot be fired leave the others alone?"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.local.kfp_api.test_slots import EVERY_TEN, recurring

from kfp_lifecycle.local.kfp_api import recurring_runs, runs, schedules
from kfp_lifecycle.local.kfp_api.database import connect, sqlite3

GOOD = recurring(EVERY_TEN, no_catchup=False, max_concurrency=10)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "kfp.sqlite")) as opened:
        yield opened


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


BROKEN = {
    "time": {"trigger": {"periodic_schedule": {"interval_second": 1, "start_time": "yesterday"}}},
    "kind": {"trigger": {"periodic_schedule": {"interval_second": "often"}}},
    "shape": {"trigger": {"periodic_schedule": {}, "cron_schedule": {}}},
    "macro": {"parameters": {"at": nested(800)}},
}


@pytest.mark.parametrize("fault", sorted(BROKEN))
def test_the_others_are_fired_and_the_fault_is_told_once(
    connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "macro":
        expanded = schedules.expanded

        def limited(value: Any, firing: Any) -> Any:
            if value != GOOD.parameters:
                raise RecursionError("too deep")
            return expanded(value, firing)

        monkeypatch.setattr(schedules, "expanded", limited)
    recurring_runs.insert(connection, replace(GOOD, id="broken", created=999.0, **BROKEN[fault]))
    recurring_runs.insert(connection, GOOD)
    told: dict[str, str] = {}
    with caplog.at_level(logging.WARNING):
        assert schedules.fire_due(connection, 1011.0, told) == schedules.Fired(1, 1020)
        assert schedules.fire_due(connection, 1021.0, told) == schedules.Fired(1, 1030)
    [message] = caplog.messages
    assert message.startswith("recurring run tick (broken) cannot be fired: ")
    assert (runs.count_active(connection, "r"), runs.count_active(connection, "broken")) == (2, 0)


def test_a_pipeline_without_a_version_is_told_once_a_slot_and_outside_of_the_transaction(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str, bool]] = []
    logged = schedules._log

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append((record.getMessage(), connection.in_transaction))

    handler = Heard()
    logged.addHandler(handler)
    try:
        recurring_runs.insert(connection, replace(GOOD, pipeline_id="gone", documents=[]))
        told: dict[str, str] = {}
        for now in (1011.0, 1012.0, 1021.0):
            assert schedules.fire_due(connection, now, told).runs == 0
    finally:
        logged.removeHandler(handler)
    expected = "recurring run tick (r) cannot be fired: its pipeline has no version left for the slot"
    assert heard == [(f"{expected} 1970-01-01T00:16:50.000Z", False)]
