"""What does the command `run` say and answer?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kfp_lifecycle.cli.__main__ import main

TINY = Path(__file__).parents[1] / "local" / "tiny_pipelines.py"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compiled")
    subprocess.run([sys.executable, str(TINY), str(folder)], check=True, capture_output=True)
    return folder


def test_a_run_that_succeeds_answers_0(compiled: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "parameters.yaml").write_text("number: 3\ntext: from the file\n", encoding="utf-8")
    arguments = ["--params-file", str(tmp_path / "parameters.yaml"), "--param", "number=4"]
    code = main(["run", str(compiled / "tiny.yaml"), "--state", str(tmp_path), *arguments])
    out = capfd.readouterr().out
    assert code == 0
    assert "number is 4" in out
    assert "from the file" in out
    assert "tiny: succeeded" in out


def test_a_run_that_fails_answers_1_and_names_step_error_and_log(
    compiled: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--param", "number=0", "--param", "divide_too=true"]
    code = main(["run", str(compiled / "tiny.yaml"), "--pipeline-root", str(tmp_path), *arguments])
    captured = capfd.readouterr()
    assert code == 1
    assert captured.err.startswith("divide: ZeroDivisionError: division by zero\n")
    assert Path(captured.err.split("full log: ")[1].strip()).is_relative_to(tmp_path)
    assert "return 1 / number" in captured.out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--param number=..."),
        (["--param", "numbr=3"], "Did you mean number"),
        (["--param", "number=x"], "whole number"),
        (["--params-file", "absent.yaml"], "absent.yaml"),
        (["--param", "number=1", "--code", "absent"], "absent"),
    ],
)
def test_a_wrong_argument_answers_2_and_runs_nothing(
    compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    assert main(["run", str(compiled / "tiny.yaml"), "--state", str(tmp_path), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("run: ")
    assert named in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []
