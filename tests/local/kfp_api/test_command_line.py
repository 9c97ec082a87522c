"""The official ``kfp`` command against the API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


@pytest.fixture
def command(url: str, tmp_path: Path) -> Command:
    """Runs ``kfp`` and gives what it printed as JSON."""

    def run(*words: str, answers: str = "") -> Any:
        # The command keeps its context in the home folder.
        found = subprocess.run(
            [str(Path(sys.executable).with_name("kfp")), "--endpoint", url, "--output", "json", *words],
            input=answers,
            capture_output=True,
            text=True,
            env={**os.environ, "HOME": str(tmp_path), "PYTHONWARNINGS": "ignore"},
            timeout=60,
        )
        if found.returncode:
            raise RuntimeError(found.stderr)
        # A question, or links to the new things, come first.
        lines = found.stdout.rpartition("[y/N]: ")[2].splitlines()
        begin = next(number for number, line in enumerate(lines) if line[:1] in ("{", "[", '"'))
        return json.loads("\n".join(lines[begin:]))

    return run


def test_pipelines_are_uploaded_listed_shown_and_deleted(command: Command, package: Path) -> None:
    made = command("pipeline", "create", "-p", "greetings", str(package))
    version = command("pipeline", "create-version", str(package), "-v", "v2", "-n", "greetings")
    assert version["pipeline_id"] == made["pipeline_id"]
    [listed] = command("pipeline", "list", "--sort-by", "created_at desc")
    assert (listed["pipeline_id"], listed["display_name"]) == (made["pipeline_id"], "greetings")
    versions = command("pipeline", "list-versions", made["pipeline_id"], "--sort-by", "created_at")
    assert [one["display_name"] for one in versions] == ["greetings", "v2"]
    deleted = command("pipeline", "delete-version", made["pipeline_id"], version["pipeline_version_id"], answers="y\n")
    assert deleted == version["pipeline_version_id"]


def test_runs_are_created_listed_archived_and_deleted(command: Command, package: Path) -> None:
    made = command("run", "create", "-e", "trial", "-r", "first", "-f", str(package), "name=x", "times=3")
    assert made["runtime_config"]["parameters"] == {"name": "x", "times": 3}
    experiment = command("experiment", "list", "--sort-by", "created_at desc")[0]
    assert (experiment["display_name"], experiment["experiment_id"]) == ("trial", made["experiment_id"])
    [listed] = command("run", "list", "-e", made["experiment_id"])
    assert (listed["display_name"], listed["state"]) == ("first", "PENDING")
    assert command("run", "archive", made["run_id"])["storage_state"] == "ARCHIVED"
    assert command("run", "delete", made["run_id"], answers="y\n") == made["run_id"]
    with pytest.raises(RuntimeError, match="parameter 'tims' is unknown"):
        command("run", "create", "-e", "trial", "-f", str(package), "name=x", "tims=3")


def test_recurring_runs_are_created_switched_and_listed(command: Command, package: Path) -> None:
    made = command(
        *("recurring-run", "create", "--job-name", "nightly", "--experiment-name", "trial"),
        *("--cron-expression", "0 0 3 * * *", "--max-concurrency", "1", "--enabled", "--no-catchup"),
        *("--pipeline-package-path", str(package), "name=[[ScheduledTime]]"),
    )
    assert (made["status"], made["no_catchup"]) == ("ENABLED", True)
    assert command("recurring-run", "disable", made["recurring_run_id"])["status"] == "DISABLED"
    [listed] = command("recurring-run", "list")
    assert listed["trigger"]["cron_schedule"]["cron"] == "0 0 3 * * *"
