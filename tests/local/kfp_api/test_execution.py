"""Are runs executed as their pipelines say, told truthfully, and ended with all that they started?"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import kfp_server_api
import psutil
import pytest
from kfp import compiler
from tests.local.kfp_api.executed import PIPELINES
from tests.local.kfp_api.process import Process, tasks, until

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.kfp_api import tasks as task_rows
from kfp_lifecycle.local.kfp_api.database import connect
from kfp_lifecycle.local.kfp_api.execution import Executor
from kfp_lifecycle.local.settings import ClusterSettings

OWN = "my_estimators.py"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Compiled pipelines by name."""
    folder = tmp_path_factory.mktemp("executed")
    for pipeline in PIPELINES:
        compiler.Compiler().compile(pipeline, str(folder / f"{pipeline.name}.yaml"))
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's own module."""
    folder = tmp_path_factory.mktemp("code")
    (folder / OWN).write_text("NAME = 'first'\n")
    return folder


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, code: Path) -> Iterator[Process]:
    """One process for the tests that do not end it."""
    with Process(tmp_path_factory.mktemp("api"), code=(str(code),)) as process:
        yield process
        assert process.end() == 0


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Process]:
    """One for a test that ends it."""
    with Process(tmp_path / "state", runs_at_once=1) as process:
        yield process


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A file that steps write lines to."""
    return tmp_path / "ledger"


def lines(ledger: Path) -> list[str]:
    text = ledger.read_text() if ledger.exists() else ""
    return text.splitlines() if text.endswith("\n") else []


def test_a_run_succeeds_with_its_tasks_and_their_inputs_and_outputs(api: Process, packages: dict[str, Path]) -> None:
    run = api.ended(api.run(packages["sums"], first=3))
    assert run.state == "SUCCEEDED", run.error
    assert [entry.state for entry in run.state_history] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert tasks(run) == {"add": "SUCCEEDED", "divide": "SUCCEEDED"}
    with closing(connect(api.state / "kfp.sqlite")) as connection:
        added, divided = task_rows.of_run(connection, run.run_id)
    assert added.inputs == {"parameters": {"first": 3, "second": 2}, "artifacts": {}}
    assert added.outputs["parameters"] == {"Output": 5}
    [table] = added.outputs["artifacts"]["table"]
    assert (table["type"], table["metadata"]) == ("system.Dataset", {"rows": 1})
    assert divided.inputs["artifacts"]["table"] == [table]
    assert Path(table["uri"]).read_text() == "3,2"
    assert Path(added.log).is_file()
    assert not list((api.state / "runs").glob("*/workspace"))


def test_a_failure_tells_the_steps_own_traceback(api: Process, packages: dict[str, Path]) -> None:
    run = api.ended(api.run(packages["sums"], first=4, divisor=0))
    assert run.state == "FAILED"
    assert run.error.message.startswith("divide failed:\nTraceback")
    assert "ZeroDivisionError: division by zero" in run.error.message
    assert tasks(run) == {"add": "SUCCEEDED", "divide": "FAILED"}


def test_termination_ends_a_step_that_refuses_and_what_it_started_elsewhere(
    api: Process, packages: dict[str, Path], ledger: Path
) -> None:
    run_id = api.run(packages["refusing"], ledger=str(ledger))
    steps = [psutil.Process(int(pid)) for pid in until(lambda: lines(ledger))[0].split()]
    api.client.terminate_run(run_id)
    run = api.ended(run_id)
    assert run.state == "CANCELED"
    assert [entry.state for entry in run.state_history] == ["PENDING", "RUNNING", "CANCELING", "CANCELED"]
    assert tasks(run) == {"stubborn": "CANCELED"}
    assert psutil.wait_procs(steps, timeout=5)[1] == []
    assert not list((api.state / "runs").glob("refusing-*/workspace"))


def test_a_run_that_waits_for_its_turn_can_be_terminated_and_never_starts(
    api: Process, packages: dict[str, Path], ledger: Path
) -> None:
    busy = [api.run(packages["noting"], ledger=str(ledger), text="busy", seconds=30.0) for _ in range(2)]
    until(lambda: lines(ledger) == ["busy", "busy"])
    waiting = api.run(packages["noting"], ledger=str(ledger), text="late")
    assert api.state_of(waiting) == "PENDING"
    api.client.terminate_run(waiting)
    assert api.ended(waiting).state == "CANCELED"
    for run_id in busy:
        api.client.terminate_run(run_id)
    assert {api.ended(run_id).state for run_id in busy} == {"CANCELED"}
    assert lines(ledger) == ["busy", "busy"]


def test_the_cache_answers_unedited_code_and_edited_code_executes_anew(
    api: Process, packages: dict[str, Path], code: Path, ledger: Path
) -> None:
    first = api.ended(api.run(packages["own"], ledger=str(ledger)))
    assert tasks(first) == {"own-code": "SUCCEEDED", "note": "SUCCEEDED"}, first.error
    again = api.ended(api.run(packages["own"], ledger=str(ledger)))
    # What is not to be cached never is.
    assert tasks(again) == {"own-code": "SKIPPED", "note": "SUCCEEDED"}
    with closing(connect(api.state / "kfp.sqlite")) as connection:
        [cached] = [task for task in task_rows.of_run(connection, again.run_id) if task.name == "own-code"]
    assert cached.outputs["parameters"] == {"Output": "first"}
    (code / OWN).write_text("NAME = 'edited'\n")
    edited = api.ended(api.run(packages["own"], ledger=str(ledger)))
    assert tasks(edited) == {"own-code": "SUCCEEDED", "note": "SUCCEEDED"}
    assert [line for line in lines(ledger) if line != "always"] == ["first", "edited"]


def test_caching_can_be_switched_off_for_a_run(api: Process, packages: dict[str, Path]) -> None:
    assert tasks(api.ended(api.run(packages["sums"], first=100))) == {"add": "SUCCEEDED", "divide": "SUCCEEDED"}
    assert tasks(api.ended(api.run(packages["sums"], first=100)))["add"] == "SKIPPED"
    made = api.client.create_run_from_pipeline_package(
        str(packages["sums"]), arguments={"first": 100}, enable_caching=False
    )
    assert tasks(api.ended(made.run_id)) == {"add": "SUCCEEDED", "divide": "SUCCEEDED"}


def test_a_recurring_run_fires_every_two_seconds_until_it_is_disabled(
    api: Process, packages: dict[str, Path], ledger: Path
) -> None:
    experiment = api.client.create_experiment("every-two-seconds").experiment_id
    made = api.client.create_recurring_run(
        experiment,
        "tick",
        interval_second=2,
        max_concurrency=10,
        pipeline_package_path=str(packages["noting"]),
        params={"ledger": str(ledger), "text": "[[ScheduledTime]] [[Index]]"},
    )
    try:
        until(lambda: len(lines(ledger)) >= 2)
    finally:
        api.client.disable_recurring_run(made.recurring_run_id)
    runs = api.client.list_runs(experiment_id=experiment, page_size=20, sort_by="created_at").runs
    assert {api.ended(run.run_id).state for run in runs} == {"SUCCEEDED"}
    slots = [run.scheduled_at for run in runs]
    assert {(after - before).total_seconds() for before, after in pairwise(slots)} == {2.0}
    seen = [f"{slot:%Y%m%d%H%M%S} {number}" for number, slot in enumerate(slots, 1)]
    assert sorted(lines(ledger)) == seen
    # Nothing more comes; the next slot would have been after two seconds.
    with pytest.raises(AssertionError, match="did not come true"):
        until(lambda: len(lines(ledger)) > len(seen), seconds=2.5)


def test_one_slow_run_at_a_time_holds_back_the_next_and_each_takes_the_latest_version(
    api: Process, packages: dict[str, Path], ledger: Path
) -> None:
    pipeline = api.client.upload_pipeline(str(packages["noting"]), "latest")
    recurring = api.client._recurring_run_api.recurring_run_service_create_recurring_run(
        recurring_run=kfp_server_api.V2beta1RecurringRun(
            experiment_id=api.client.create_experiment("slow").experiment_id,
            display_name="slow",
            mode=kfp_server_api.RecurringRunMode.ENABLE,
            max_concurrency=1,
            no_catchup=True,
            pipeline_version_reference=kfp_server_api.V2beta1PipelineVersionReference(pipeline.pipeline_id),
            runtime_config=kfp_server_api.V2beta1RuntimeConfig(
                parameters={"ledger": str(ledger), "text": "[[Index]]", "seconds": 2.5}
            ),
            trigger=kfp_server_api.V2beta1Trigger(cron_schedule=kfp_server_api.V2beta1CronSchedule(cron="* * * * * *")),
        )
    )
    try:
        until(lambda: lines(ledger) == ["1"])
        version = api.client.upload_pipeline_version(str(packages["noting"]), "v2", pipeline_id=pipeline.pipeline_id)
        until(lambda: lines(ledger) == ["1", "2"])
    finally:
        api.client.disable_recurring_run(recurring.recurring_run_id)
    second, first = api.client.list_runs(experiment_id=recurring.experiment_id, sort_by="created_at desc").runs
    first, second = api.ended(first.run_id), api.ended(second.run_id)
    assert second.created_at >= first.finished_at
    # The newest of the slots that passed meanwhile.
    assert (second.created_at - second.scheduled_at).total_seconds() < 1
    assert second.pipeline_version_reference.pipeline_version_id == version.pipeline_version_id
    assert first.pipeline_version_reference.pipeline_version_id != version.pipeline_version_id


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_after_an_end_a_run_in_progress_has_failed_and_one_that_waited_runs(
    mortal: Process, packages: dict[str, Path], tmp_path: Path, ledger: Path, number: signal.Signals
) -> None:
    api = mortal
    run_id = api.run(packages["refusing"], ledger=str(ledger))
    steps = [psutil.Process(int(pid)) for pid in until(lambda: lines(ledger))[0].split()]
    waiting = api.run(packages["noting"], ledger=str(tmp_path / "other"), text="waited")
    api.end(number)
    api.up()
    run = api.client.get_run(run_id)
    assert (run.state, tasks(run)) == ("FAILED", {"stubborn": "FAILED"})
    assert "the local cluster ended while this run was in progress" in run.error.message
    assert psutil.wait_procs(steps, timeout=5)[1] == []
    assert api.ended(waiting).state == "SUCCEEDED"
    assert lines(tmp_path / "other") == ["waited"]
    assert not list(api.state.glob("runs/*/workspace"))
    assert api.end() == 0


def test_two_processes_never_execute_the_runs_of_one_folder(api: Process) -> None:
    second = Executor(api.state / "kfp.sqlite", api.state, ClusterSettings())
    with pytest.raises(InputError, match="no other process"):
        second.start()
