"""While a schedule that fires each second is changed again and again, each second gets its run, and one only."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import kfp_server_api
import pytest
from tests.cli.kfp_stage import client, recurring_runs, write_pipeline

from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.local.kfp_api.database import connect, transaction
from kfp_lifecycle.local.kfp_api.schedules import fire_due

CHANGES = 4


@pytest.fixture
def scheduler(kfp_url: str, tmp_path: Path) -> Iterator[None]:
    """Fires what is due, as the local cluster does; each run ends at once."""
    ended = threading.Event()

    def fire() -> None:
        with closing(connect(tmp_path / "kfp.sqlite")) as database:
            while not ended.wait(0.05):
                fire_due(database, time.time())
                with transaction(database):
                    database.execute("UPDATE runs SET state = 'SUCCEEDED'")

    thread = threading.Thread(target=fire)
    thread.start()
    yield
    ended.set()
    thread.join()


@pytest.mark.usefixtures("scheduler")
@pytest.mark.parametrize("when", ["every: PT1S", "cron: '* * * * * *'"])
def test_no_second_is_run_twice_or_left_out(kfp_url: str, tmp_path: Path, when: str) -> None:
    assert main(["upload", str(write_pipeline(tmp_path / "greet.yaml"))]) == 0
    file = tmp_path / "schedules.yaml"
    for number in range(CHANGES + 1):
        schedule = f"{{name: often, pipeline: greet, {when}, catch_up: true, parameters: {{name: n{number}}}}}"
        file.write_text(f"owner: team\nschedules:\n  - {schedule}\n", encoding="utf-8")
        assert main(["schedules", "apply", str(file)]) == 0
        [kept] = recurring_runs(kfp_url)
        _wait_for_a_run(kfp_url, kept.recurring_run_id)

    runs = (
        kfp_server_api.RunServiceApi(client(kfp_url)).run_service_list_runs(page_size=99, sort_by="scheduled_at").runs
    )
    slots = [run.scheduled_at for run in runs]
    assert {(later - earlier).total_seconds() for earlier, later in itertools.pairwise(slots)} == {1}
    assert {run.runtime_config.parameters["name"] for run in runs} == {f"n{number}" for number in range(CHANGES + 1)}


def _wait_for_a_run(url: str, recurring_run_id: str) -> None:
    service = kfp_server_api.RunServiceApi(client(url))
    deadline = time.monotonic() + 10
    while not any(
        run.recurring_run_id == recurring_run_id
        for run in service.run_service_list_runs(page_size=5, sort_by="created_at desc").runs or ()
    ):
        assert time.monotonic() < deadline, "it fires no run"
        time.sleep(0.05)
