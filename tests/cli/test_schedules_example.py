"""The example that users copy is one that applies."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.kfp_stage import enabled

from kfp_lifecycle.cli.__main__ import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "schedules.yaml"


def test_the_example_applies_to_the_compiled_pipelines(
    kfp_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compile", "--out", str(tmp_path)]) == 0
    assert main(["upload", *map(str, sorted((tmp_path / "pipelines").glob("*.yaml")))]) == 0

    assert main(["schedules", "apply", str(EXAMPLE)]) == 0
    capsys.readouterr()

    assert main(["schedules", "plan", str(EXAMPLE)]) == 0
    assert capsys.readouterr().out == "nothing to do\n"
    assert enabled(kfp_url) == {
        "flights-nightly": 1, "flights-monitor": 1, "flights-scores": 1, "flights-evaluation": 1, "sweep": 1,
        "flights-staging": 0,
    }  # fmt: skip
