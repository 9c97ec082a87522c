"""Does a judge that was killed, or asked to end, leave the canary where it is and carry on with what it knew?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
BODY = b'{"inputs": []}'
STEP = """
import sys
from dataclasses import make_dataclass
from kfp_lifecycle.components.judgement.judgement import judge
File = make_dataclass("File", ["path", "uri", "metadata"])
judge(service=sys.argv[1], version="2", namespace="default", run_id="run", check_seconds=0.5, deadline_seconds=60,
      min_requests=100, slo_milliseconds=250.0, checks_per_weight=2,
      decision=File(sys.argv[2] + "/d.json", "", {}), report=File(sys.argv[2] + "/r.html", "", {}))
"""


def start(staged: Any, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STEP, staged.name, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ),
    )


def wait_for_check(process: subprocess.Popen[str], number: int) -> None:
    assert process.stdout
    for line in process.stdout:
        if line.startswith(f"check {number} "):
            return
    raise AssertionError("the judge ended before that check")


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_a_killed_judge_is_carried_on_with_the_evidence_it_had(stage, judged, mode, tmp_path):
    staged = stage(mode)
    with staged.cluster.traffic(staged.name, rate=300, body=BODY):
        first = start(staged, tmp_path)
        wait_for_check(first, 5)
        first.send_signal(signal.SIGKILL)
        first.wait()
        before = staged.record().open
        kept = before.evidence["judge"]["state"]
        outcome, decision = judged(staged, checks_per_weight=2)
    assert outcome == "promote", decision.reasons
    assert kept["evidence"]["errors"]["canary"]["total"] > 0
    after = staged.record().open
    assert after.epoch == before.epoch + 1
    # The checks of the first judge are still on record, and count.
    state = after.evidence["judge"]["state"]
    assert state["records"][: len(kept["records"])] == kept["records"]
    assert state["records"][len(kept["records"])][4] == "dropped"
    assert after.evidence["judge"]["began_at"] == before.evidence["judge"]["began_at"]


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
def test_a_judge_that_is_asked_to_end_saves_its_evidence_and_holds(stage, mode, tmp_path):
    staged = stage(mode)
    with staged.cluster.traffic(staged.name, rate=100, body=BODY):
        process = start(staged, tmp_path)
        wait_for_check(process, 2)
        weight = staged.weight()
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "Stopped: the judge was asked to end" in rest
    told = 2 + sum(line.startswith("check ") for line in rest.splitlines())
    assert len(staged.record().open.evidence["judge"]["state"]["records"]) == told
    assert staged.weight() == weight == 10
