"""The KFP API with its executor as a process of its own, which a test may kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import kfp
from tests.local.kfp_api.serving import client

from kfp_lifecycle.local.settings import ClusterSettings

ENDED = ("SUCCEEDED", "FAILED", "CANCELED")
Found = TypeVar("Found")


def until(condition: Callable[[], Found], seconds: float = 60) -> Found:
    """The condition's value once it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("the condition did not come true")


class Process:
    """Starts at once; ``up`` starts it again over the same state."""

    def __init__(self, state: Path, **settings: Any) -> None:
        self.state = state
        state.mkdir(exist_ok=True)
        known = {"settings": ClusterSettings(**settings).to_json(), "pids": {"supervisor": os.getpid()}, "created": 0}
        (state / "cluster.json").write_text(json.dumps(known))
        self.up()

    def up(self) -> None:
        command = [sys.executable, "-P", "-m", "kfp_lifecycle.local.kfp_api", "--state", str(self.state)]
        said, self.log = self.state / "process.out", self.state / "process.log"
        # Files: a pipe that nobody empties holds up who writes into it.
        with said.open("wb") as output, self.log.open("ab") as errors:
            self._process = subprocess.Popen(command, stdout=output, stderr=errors)
        until(lambda: self._process.poll() is not None or "\n" in said.read_text())
        self.url = said.read_text().strip()
        if not self.url.startswith("http://"):
            self.end(signal.SIGKILL)
            raise AssertionError(f"no URL but {self.url!r}; the log:\n{self.log.read_text()}")
        self.client: kfp.Client = client(self.url)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.end(signal.SIGKILL)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self._process.send_signal(number)
        return self._process.wait(30)

    def run(self, package: Path, **arguments: Any) -> str:
        made = self.client.create_run_from_pipeline_package(str(package), arguments=arguments)
        return str(made.run_id)

    def state_of(self, run_id: str) -> str:
        return str(self.client.get_run(run_id).state)

    def ended(self, run_id: str) -> Any:
        """The run once it has ended."""
        until(lambda: self.state_of(run_id) in ENDED)
        return self.client.get_run(run_id)


def tasks(run: Any) -> dict[str, str]:
    """States of a run's tasks by name."""
    return {task.display_name: task.state for task in run.run_details.task_details}
