"""Does the example ring by p-values, start no retrain, and would a retrain indeed have won nothing?"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "seasons" / "seasons.py"
LINE = re.compile(r"^ *(\d+-\d+) +(\d) of 3 +([\d.]+) +(\w+) +([\d.]+) +([\d.]+) +(-?[\d.]+)$", re.MULTILINE)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_p_values_ring_in_every_window_and_a_retrain_is_rightly_not_started(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--weeks", "39", "--work", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=890,
    )
    assert done.returncode == 0, done.stderr
    [(weeks, rang, psi, outcome, usual, now, won)] = LINE.findall(done.stdout)
    assert (weeks, rang, outcome) == ("36-38", "3", "alert")
    assert float(psi) > 1
    assert float(now) < float(usual) + 0.02
    assert float(won) < 0.02
    assert (tmp_path / "week-39" / "report-39.html").stat().st_size > 10_000
