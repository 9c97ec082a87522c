"""Kill -9 at any moment: is no run lost, none executed twice, and is what is told of each the truth?"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from kfp import compiler
from tests.local.kfp_api.executed import noting
from tests.local.kfp_api.process import ENDED, Process, until
from tests.local.kfp_api.whole_cluster import WholeCluster

RUNS, KILLS = 20, 4


@pytest.fixture(params=[Process, WholeCluster])
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process | WholeCluster]:
    """What is to be killed: the API's process alone, or the local cluster with all that it runs."""
    with request.param(tmp_path / "state") as killed:
        yield killed


def test_twenty_runs_and_a_schedule_survive_kills_at_random_moments(
    api: Process | WholeCluster, tmp_path: Path
) -> None:
    package, ledger = tmp_path / "noting.yaml", tmp_path / "ledger"
    compiler.Compiler().compile(noting, str(package))
    experiment = api.client.create_experiment("ticks").experiment_id
    schedule = api.client.create_recurring_run(
        experiment,
        "tick",
        interval_second=2,
        max_concurrency=2,
        pipeline_package_path=str(package),
        params={"ledger": str(ledger), "text": "[[ScheduledTime]]"},
    )
    texts = {api.run(package, ledger=str(ledger), text=f"run {number}"): f"run {number}" for number in range(RUNS)}
    moments = random.Random(20)
    try:
        for _ in range(KILLS):
            # A moment like any other: the kill may fall on any write.
            time.sleep(moments.uniform(0.1, 2.5))
            assert api.end(signal.SIGKILL) == -signal.SIGKILL
            api.up()
        until(lambda: (api.client.list_runs(experiment_id=experiment).total_size or 0) >= 2)
    finally:
        api.client.disable_recurring_run(schedule.recurring_run_id)
    found = until(lambda: _all_ended(api), seconds=120)
    lines = Counter(ledger.read_text().splitlines())
    assert set(texts) <= {run.run_id for run in found}
    assert max(lines.values()) == 1
    for run in found:
        text = texts.get(run.run_id) or f"{run.scheduled_at:%Y%m%d%H%M%S}"
        if run.state == "SUCCEEDED":
            assert lines[text] == 1
        else:
            assert run.state == "FAILED"
            assert "the local cluster ended while this run was in progress" in run.error.message
    failed = [run for run in found if run.state == "FAILED"]
    # Two are executed at a time, so a kill takes no more than two.
    assert len(failed) <= 2 * KILLS
    slots = sorted(run.scheduled_at for run in found if run.run_id not in texts)
    assert {(after - before).total_seconds() for before, after in pairwise(slots)} == {2.0}
    assert len(slots) >= 2
    assert api.end() == 0


def _all_ended(api: Process | WholeCluster) -> list[Any]:
    runs = api.client.list_runs(page_size=100).runs
    return runs if all(run.state in ENDED for run in runs) else []
