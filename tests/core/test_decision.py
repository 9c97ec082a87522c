"""Does a saved decision say all that was decided, and nothing that JSON cannot hold?"""

import json
from enum import StrEnum
from pathlib import Path

import pytest

from kfp_lifecycle.core.decision import Decision, load_decision, save_decision


class Outcome(StrEnum):
    PASS = "pass"


DECISION = Decision(Outcome.PASS, ("The holdout is large enough.",), {"rows": 6000, "auc": 0.71}, {"metric": "roc_auc"})


def test_a_decision_survives_its_file(tmp_path: Path) -> None:
    save_decision(DECISION, tmp_path / "deep" / "decision.json")
    saved = load_decision(tmp_path / "deep" / "decision.json")
    assert saved.outcome == "pass"
    assert saved.reasons == DECISION.reasons
    assert saved.numbers == DECISION.numbers
    assert saved.inputs == DECISION.inputs


def test_the_same_decision_gives_the_same_bytes(tmp_path: Path) -> None:
    save_decision(DECISION, tmp_path / "a")
    save_decision(
        Decision(Outcome.PASS, DECISION.reasons, {"auc": 0.71, "rows": 6000}, DECISION.inputs), tmp_path / "b"
    )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_was_not_measured_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="auc"):
        Decision(Outcome.PASS, (), {"auc": number})


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "decision.json"
    path.write_text(json.dumps({"format": 99}))
    with pytest.raises(ValueError, match="format 99"):
        load_decision(path)
