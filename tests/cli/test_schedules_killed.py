"""``schedules apply``, killed by SIGKILL at any write and applied again, ends with exactly what is declared."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.kfp_stage import enabled, recurring_runs, write_pipeline
from tests.local.kfp_api.serving import serving

from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.local.write_proxy import WriteProxy, Writes

BEFORE = """owner: team
schedules:
  - {name: changed, pipeline: greet, every: PT1H, parameters: {name: old}}
  - {name: gone, pipeline: greet, every: PT1H, parameters: {name: x}}
  - {name: paused, pipeline: greet, every: PT1H, parameters: {name: x}}
  - {name: same, pipeline: greet, every: PT1H, parameters: {name: x}}
"""
AFTER = """owner: team
schedules:
  - {name: changed, pipeline: greet, every: PT1H, parameters: {name: new}}
  - {name: paused, pipeline: greet, every: PT1H, enabled: false, parameters: {name: x}}
  - {name: same, pipeline: greet, every: PT1H, parameters: {name: x}}
  - {name: added, pipeline: greet, cron: 0 0 3 * * *, experiment: of its own, parameters: {name: x}}
"""
# Deleted gone; created, disabled, enabled and deleted changed; disabled paused; the experiment; created, enabled added.
WRITES = 9
KILLED = -9


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of an API to which ``BEFORE`` was applied."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "before.yaml").write_text(BEFORE, encoding="utf-8")
    with serving(folder / "kfp.sqlite") as url:
        assert main(["upload", str(write_pipeline(folder / "greet.yaml")), "--host", url]) == 0
        assert main(["schedules", "apply", str(folder / "before.yaml"), "--host", url]) == 0
    return folder


def applied(file: Path, url: str, writes: Writes) -> int:
    """The exit code of an apply in a process of its own; negative if a signal ended it."""
    with WriteProxy(url, writes) as proxy:
        command = [sys.executable, "-m", "kfp_lifecycle.cli", "schedules", "apply", str(file), "--host", proxy.url]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "NO_PROXY": "*"}) as process:
            writes.victim = process.pid
            return process.wait(60)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, WRITES + 1))
def test_killed_at_a_write_and_applied_again(prepared: Path, tmp_path: Path, number: int, before: bool) -> None:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "after.yaml"
    file.write_text(AFTER, encoding="utf-8")
    with serving(tmp_path / "kfp.sqlite") as url:
        same = next(it.recurring_run_id for it in recurring_runs(url) if it.display_name == "same")

        assert applied(file, url, Writes(kill_at=number, before=before)) == KILLED
        assert max(enabled(url).values()) <= 1

        assert main(["schedules", "apply", str(file), "--host", url]) == 0

        found = recurring_runs(url)
        assert {it.display_name: it.mode for it in found} == {
            "changed": "ENABLE",
            "paused": "DISABLE",
            "same": "ENABLE",
            "added": "ENABLE",
        }
        assert len(found) == 4
        assert {it.display_name: it.runtime_config.parameters["name"] for it in found}["changed"] == "new"
        assert same in {it.recurring_run_id for it in found}
        assert main(["schedules", "plan", str(file), "--host", url, "--exit-code"]) == 0


def test_an_apply_that_is_not_killed_does_so_many_writes(prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    (tmp_path / "after.yaml").write_text(AFTER, encoding="utf-8")
    writes = Writes()
    with serving(tmp_path / "kfp.sqlite") as url:
        assert applied(tmp_path / "after.yaml", url, writes) == 0

    assert len(writes.seen) == WRITES
