"""Does a run come to its end whatever its processes do, and is its end told as it was?"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from kfp_lifecycle.local import processes, runner_tree
from kfp_lifecycle.local.runner import PreparedRun, RunResult, execute
from kfp_lifecycle.local.runner_session import Stop, Why, run_process
from kfp_lifecycle.local.runner_watcher import MARK

FAILED = {"event": "ended", "task": "t", "code": 1, "error": "its own", "outputs": {}, "artifacts": {}, "log": "t.log"}


@contextmanager
def process(script: str) -> Iterator[subprocess.Popen[bytes]]:
    """In the place of a run's process; it ignores its order."""
    with subprocess.Popen(
        [sys.executable, "-c", f"import sys, time\n{script}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as started:
        try:
            yield started
        finally:
            started.kill()


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedRun:
    return PreparedRun("r", "p", tmp_path, {}, "nowhere")


def executed(prepared: PreparedRun, script: str, stop: Stop | None = None, progress: Any = lambda _: None) -> RunResult:
    with process(script) as waiting:
        return execute(prepared, progress=progress, stop=stop, waiting=waiting)


# Each would go on for ever, were it not stopped.
@pytest.mark.timeout(90)
def test_output_without_end_does_not_outlast_the_grace_period(prepared: PreparedRun) -> None:
    stop = Stop()
    threading.Timer(0.5, stop.set, (Why.TERMINATED,)).start()
    stubborn = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True:\n    print('x' * 1000)"
    result = executed(prepared, stubborn, stop)
    assert (result.succeeded, result.stopped) == (False, True)


@pytest.mark.timeout(90)
def test_a_process_that_says_no_more_but_goes_on_is_stopped(prepared: PreparedRun) -> None:
    stop = Stop()
    threading.Timer(0.5, stop.set, (Why.SHUTDOWN,)).start()
    result = executed(prepared, "import os\nos.close(1)\nos.close(2)\ntime.sleep(600)", stop)
    assert (result.succeeded, result.stopped) == (False, True)


@pytest.mark.parametrize("text", ["{half", "[]", "{}", '{"event": 1}', "[" * 100_000])
def test_an_event_that_cannot_be_read_is_kept_and_the_run_goes_on(prepared: PreparedRun, text: str) -> None:
    seen: list[Mapping[str, Any]] = []
    told = json.dumps({"event": "line", "task": "t", "text": "after"})
    made = "'[' * 100_000" if len(text) > 100 else repr(text)
    result = executed(prepared, f"print({MARK!r} + {made})\nprint({MARK + told!r})", progress=seen.append)
    assert result.succeeded
    assert [event["event"] for event in seen] == ["run", "line", "finished"]
    assert text in (prepared.directory / "run.log").read_text()


@pytest.mark.timeout(90)
def test_a_stop_that_comes_after_a_failure_did_not_cause_it(prepared: PreparedRun) -> None:
    stop = Stop()

    def progress(event: Mapping[str, Any]) -> None:
        if event["event"] == "ended":
            stop.set(Why.SHUTDOWN)

    failing = f"print({MARK + json.dumps(FAILED)!r}, flush=True)\nsys.exit(1)"
    result = executed(prepared, failing, stop, progress)
    assert (result.stopped, result.error) == (False, "t failed:\nits own\nfull log: t.log")


def test_the_first_reason_to_stop_stays() -> None:
    stop = Stop()
    assert (stop.asked, stop.why) == (False, None)
    stop.set(Why.TERMINATED)
    stop.set(Why.SHUTDOWN)
    assert (stop.asked, stop.why) == (True, Why.TERMINATED)
    stop.close()


def test_a_process_that_ends_while_it_is_looked_at_does_not_save_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with process("time.sleep(600)") as gone, process("time.sleep(600)") as left:
        found = [psutil.Process(gone.pid), psutil.Process(left.pid)]
        gone.kill()
        gone.wait()
        marked, created = [found, []], psutil.Process.create_time

        def looked_up_late(process: psutil.Process) -> float:
            # On Linux psutil keeps what it found at first; elsewhere it looks again.
            if process.pid == gone.pid:
                raise psutil.NoSuchProcess(process.pid)
            return created(process)

        monkeypatch.setattr(psutil.Process, "create_time", looked_up_late)
        monkeypatch.setattr(processes, "marked", lambda *_, **__: marked.pop(0))
        runner_tree.kill(tmp_path)
        assert not processes.alive(left.pid, found[1].create_time())


def test_a_run_whose_folder_is_gone_is_killed_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with process("time.sleep(600)") as started:
        with pytest.raises(FileNotFoundError), run_process(folder / "order.json", {}, started):
            folder.rmdir()
        assert not psutil.pid_exists(started.pid)
        assert started.stdout is not None and started.stdout.closed
