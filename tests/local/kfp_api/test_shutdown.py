"""Does the KFP API end when it is told to, whatever its runs do, and is what it says of them then true?"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from kfp import compiler
from tests.local.kfp_api.executed import noting
from tests.local.kfp_api.process import Process, tasks, until
from tests.local.kfp_api.serving import client

from kfp_lifecycle.local.kfp_api import execution, runs
from kfp_lifecycle.local.kfp_api.background import Worker
from kfp_lifecycle.local.kfp_api.database import connect
from kfp_lifecycle.local.kfp_api.execution import Executor
from kfp_lifecycle.local.kfp_api.records import ENDED
from kfp_lifecycle.local.kfp_api.runs import Run
from kfp_lifecycle.local.kfp_api.spare_process import SpareProcess
from kfp_lifecycle.local.runner import RunResult
from kfp_lifecycle.local.runner_session import Stop
from kfp_lifecycle.local.settings import ClusterSettings

# So many failures with their tracebacks fill a pipe.
MANY = 100


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packages") / "noting.yaml"
    compiler.Compiler().compile(noting, str(path))
    return path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "kfp.sqlite"


@pytest.fixture
def executor(tmp_path: Path, database: Path) -> Iterator[Executor]:
    """One in this process, for runs that are stand-ins."""
    made = Executor(database, tmp_path, ClusterSettings(runs_at_once=1))
    yield made
    made.close()


PIPELINE = {"pipelineInfo": {"name": "p"}, "root": {}, "deploymentSpec": {"executors": {}}}


def added(database: Path, number: int, *, document: dict[str, Any] = PIPELINE, **parameters: Any) -> str:
    texts = ("name", "experiment_id", "namespace", "description", "pipeline_id", "version_id", "service_account")
    run = Run(
        **{"id": f"run-{number}", "documents": [document], "parameters": parameters, "caching": False},
        **{"recurring_run_id": "", "created": float(number), "scheduled": 0.0},
        **dict.fromkeys(texts, ""),
    )
    with closing(connect(database)) as connection:
        runs.insert(connection, run)
    return run.id


def found(database: Path, run_id: str) -> Run:
    with closing(connect(database)) as connection:
        run = runs.get(connection, run_id)
    assert run is not None
    return run


@contextmanager
def unread(state: Path, errors: IO[bytes] | int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """An API with its URL, whose standard output nobody reads after that."""
    command = [sys.executable, "-P", "-m", "kfp_lifecycle.local.kfp_api", "--state", str(state)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.timeout(90)
def test_refused_runs_by_the_dozen_hold_nothing_up_though_nobody_reads_on_after_the_url(
    tmp_path: Path, database: Path
) -> None:
    for number in range(MANY):
        added(database, number, unknown=1)
    log = tmp_path / "log"
    with log.open("wb") as errors, unread(tmp_path, errors) as (process, url):
        api = client(url)
        until(lambda: {run.state for run in api.list_runs(page_size=MANY).runs} == {"FAILED"}, seconds=30)
        process.terminate()
        assert process.wait(20) == 0
    assert log.read_text().count("WARNING run run-") == MANY
    # What the user got wrong is no fault of ours to be traced.
    assert "Traceback" not in log.read_text()


@pytest.mark.timeout(90)
def test_it_ends_even_if_a_thread_hangs_in_a_write_to_a_full_pipe(tmp_path: Path, database: Path) -> None:
    identities = [added(database, number, document={"pipelineInfo": {"name": "p"}}) for number in range(MANY)]

    def stuck() -> bool:
        before = [found(database, identity).state for identity in identities]
        time.sleep(0.5)
        after = [found(database, identity).state for identity in identities]
        return before == after and {"RUNNING", "FAILED"} < set(after)

    with unread(tmp_path, subprocess.PIPE) as (process, _):
        until(stuck, seconds=30)
        process.terminate()
        assert process.wait(20) == 1


def test_a_step_that_obeys_when_the_api_ends_has_failed_and_was_not_canceled(tmp_path: Path, package: Path) -> None:
    ledger = tmp_path / "ledger"
    with Process(tmp_path / "state") as api:
        run_id = api.run(package, ledger=str(ledger), text="begun", seconds=60.0)
        until(ledger.exists)
        assert api.end() == 0
        api.up()
        run = api.client.get_run(run_id)
        assert (run.state, tasks(run)) == ("FAILED", {"note": "FAILED"})
        assert ENDED in run.error.message


def test_what_a_run_failed_of_by_itself_stays_its_error_though_the_api_ends(
    executor: Executor, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = threading.Event()

    def failing(*_: Any, stop: Stop, **__: Any) -> RunResult:
        began.set()
        until(lambda: stop.asked)
        return RunResult("r", "p", False, 1.0, str(tmp_path), (), "its own", stopped=False)

    monkeypatch.setattr(execution, "execute", failing)
    run_id = added(database, 1)
    executor.start()
    assert began.wait(30)
    assert executor.close()
    assert (found(database, run_id).state, found(database, run_id).error) == ("FAILED", "its own")


def test_no_run_begins_once_the_end_was_asked_for(
    executor: Executor, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, began = threading.Event(), []

    def quick(*_: Any, **__: Any) -> RunResult:
        began.append(1)
        go_on.wait(30)
        return RunResult("r", "p", True, 1.0, str(tmp_path), (), "")

    monkeypatch.setattr(execution, "execute", quick)
    first, second = added(database, 1), added(database, 2)
    executor.start()
    until(lambda: began)
    executor.begin_no_more()
    go_on.set()
    until(lambda: found(database, first).state == "SUCCEEDED")
    executor.wake()
    assert executor.close()
    assert found(database, second).state == "PENDING"


def test_close_waits_only_so_long_for_all_that_hang(
    executor: Executor, database: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go_on, began = threading.Event(), threading.Event()

    def hanging(*_: Any, **__: Any) -> RunResult:
        began.set()
        go_on.wait(60)
        return RunResult("r", "p", True, 1.0, str(tmp_path), (), "")

    monkeypatch.setattr(execution, "execute", hanging)
    monkeypatch.setattr(execution, "_CLOSE_SECONDS", 0.5)
    added(database, 1)
    executor.start()
    assert began.wait(30)
    assert not executor.close()
    go_on.set()
    monkeypatch.undo()
    assert executor.close()


def test_a_worker_that_hangs_is_not_waited_for_for_ever() -> None:
    go_on = threading.Event()
    worker = Worker("hanging", lambda: float(go_on.wait(60)))
    worker.start()
    worker.close()
    assert not worker.join(0.2)
    go_on.set()
    assert worker.join(10)


def test_no_spare_process_starts_after_the_end() -> None:
    spare = SpareProcess()
    spare.close()
    spare.refill()
    assert spare.take() is None


def test_a_second_process_for_one_folder_says_so_and_ends(tmp_path: Path) -> None:
    with Process(tmp_path / "state") as first:
        with pytest.raises(AssertionError, match="no other process executes"):
            Process(first.state)
        command = [sys.executable, "-P", "-m", "kfp_lifecycle.local.kfp_api", "--state", str(first.state)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (second.returncode, second.stdout) == (2, "")
        assert "no other process executes" in second.stderr
        assert "Traceback" not in second.stderr
        first.end(signal.SIGTERM)
