"""How a run ends after a gate has decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from kfp_lifecycle.components.conclusion.conclusion import Fault, Refused, conclude
from kfp_lifecycle.core.decision import Decision, save_decision
from kfp_lifecycle.core.errors import InputError


@dataclass
class File:
    path: str
    uri: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def decided(tmp_path: Path):
    def make(outcome: str, *reasons: str) -> File:
        path = tmp_path / "decision.json"
        save_decision(Decision(StrEnum("Outcome", {"it": outcome}).it, reasons), path)
        return File(str(path))

    return make


@pytest.mark.parametrize("outcome", ["fail", "too_few_rows", "refused", "rejected", "timed_out"])
def test_a_refusal_fails_the_run_after_its_reasons_are_printed(decided, capsys, outcome):
    with pytest.raises(Refused, match=f"evaluate answered {outcome}: AUC is lower; and slower"):
        conclude("evaluate", outcome, decided(outcome, "AUC is lower", "and slower"))
    assert capsys.readouterr().out == f"evaluate answered {outcome}: AUC is lower; and slower\n"


def test_a_refusal_ends_well_when_asked(decided):
    assert conclude("deploy", "refused", decided("refused"), on_refusal="succeed") == ("refused",)


@pytest.mark.parametrize("on_refusal", ["fail", "succeed"])
def test_a_service_that_was_not_restored_fails_the_run_whatever_is_asked_of_refusals(decided, capsys, on_refusal):
    with pytest.raises(Fault, match="roll_back answered not_restored: the canary stays"):
        conclude("roll_back", "not_restored", decided("not_restored", "the canary stays"), on_refusal=on_refusal)
    assert "the canary stays" in capsys.readouterr().out


@pytest.mark.parametrize("on_refusal", ["fail", "succeed"])
def test_a_roll_back_that_did_not_work_fails_the_run_and_the_decision_behind_it_is_told(decided, on_refusal):
    said = "roll_back answered not_restored.*judge answered roll_back: errors"
    with pytest.raises(Fault, match=said):
        conclude("judge", "roll_back", decided("roll_back", "errors"), on_refusal=on_refusal, restored="not_restored")


def test_a_roll_back_that_worked_leaves_the_end_to_the_decision(decided):
    with pytest.raises(Refused, match="approve answered rejected: no"):
        conclude("approve", "rejected", decided("rejected", "no"), restored="rolled_back")
    ended = conclude("approve", "rejected", decided("rejected"), on_refusal="succeed", restored="rolled_back")
    assert ended == ("rejected",)


@pytest.mark.parametrize("outcome", ["pass", "first_release", "canary", "unchanged"])
def test_any_other_outcome_ends_well(decided, capsys, outcome):
    assert conclude("deploy", outcome, decided(outcome, "it serves")) == (outcome,)
    assert "it serves" in capsys.readouterr().out


def test_another_steps_decision_is_not_taken_for_this_one(decided):
    with pytest.raises(InputError, match="^outcome='canary': expected 'refused', which the decision holds"):
        conclude("deploy", "canary", decided("refused"))


def test_a_missing_decision_is_named(tmp_path):
    with pytest.raises(InputError, match="^decision="):
        conclude("deploy", "canary", File(str(tmp_path / "none.json")))


def test_an_unknown_wish_is_refused(decided):
    with pytest.raises(InputError, match="^on_refusal='ignore': expected fail or succeed"):
        conclude("deploy", "canary", decided("canary"), on_refusal="ignore")
