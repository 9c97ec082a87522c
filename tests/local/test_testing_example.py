"""Does the example of a user's own tests pass where a user has it: outside this repository, as a project of its own?

Its first test stands for all four here, as each releases a model; ``make examples`` runs the four.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "testing"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_example_passes_in_a_folder_of_its_own_and_leaves_no_process(tmp_path: Path) -> None:
    project = shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    foreign = ("PYTHONPATH", "PYTEST_", "KFP_", "MLFLOW_", "KUBE", "AWS_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    if serve := os.environ.get("KFP_LIFECYCLE_SERVE_PYTHON"):
        environment["KFP_LIFECYCLE_SERVE_PYTHON"] = serve
    base = tmp_path / "base"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        f"--basetemp={base}",
        "-k",
        "the_first_version",
    ]
    ran = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=590)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed, 3 deselected" in ran.stdout
    assert "warning" not in ran.stdout
    left = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"]) if process.pid != os.getpid()]
    assert not [words for words in left if any(str(base) in word for word in words or [])]
