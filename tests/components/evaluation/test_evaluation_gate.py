"""The gate's answer to every kind of interval."""

import pytest

from kfp_lifecycle.components.evaluation.comparability import why_not_comparable
from kfp_lifecycle.components.evaluation.gate import (
    Outcome,
    Verdict,
    check_champion,
    check_floor,
    check_rows,
    decide,
)
from kfp_lifecycle.core.bootstrap import Difference
from kfp_lifecycle.core.signature import Column, Signature

PASS, FAIL, FEW = Outcome.PASS, Outcome.FAIL, Outcome.TOO_FEW_ROWS


def difference(estimate: float, error: float, rows: int = 1000) -> Difference:
    return Difference(estimate, estimate - 1.645 * error, estimate + 1.645 * error, error, rows)


@pytest.mark.parametrize(
    ("estimate", "error", "margin", "outcome"),
    [
        (0.0, 0.0, 0.01, PASS),  # the same answers
        (0.0, 0.0, 0.0, PASS),
        (0.0, 0.002, 0.01, PASS),
        (-0.005, 0.002, 0.01, PASS),
        (0.05, 0.002, 0.0, PASS),
        (-0.05, 0.002, 0.01, FAIL),  # shown to be worse
        (-0.05, 0.02, 0.01, FAIL),
        (-0.009, 0.003, 0.01, FAIL),  # rows enough for an equal model, and this one did not make it
        (0.0, 0.01, 0.01, FEW),  # rows too few even for an equal model
        (-0.02, 0.02, 0.01, FEW),
        (0.0, 0.01, 0.0, FAIL),  # without a margin no number of rows shows equality
    ],
)
def test_the_champion_is_met_when_the_lower_bound_lies_above_the_margin(estimate, error, margin, outcome):
    assert check_champion("roc_auc", difference(estimate, error), margin).outcome is outcome


def test_too_few_rows_names_the_rows_that_would_do():
    verdict = check_champion("accuracy", difference(0.0, 0.01), 0.01)
    # (1.645 + 0.842)^2 * 1000 rows * (0.01 / 0.01)^2
    assert verdict.rows_needed == 6200
    assert "about 6,200 rows" in verdict.reason and "80%" in verdict.reason


@pytest.mark.parametrize(
    ("estimate", "error", "outcome", "needed"),
    [(0.2, 0.01, PASS, 0), (0.01, 0.01, FAIL, 6200), (-0.01, 0.001, FAIL, 0), (0.0, 0.0, FAIL, 0)],
)
def test_the_floor_is_passed_when_the_lower_bound_lies_above_zero(estimate, error, outcome, needed):
    verdict = check_floor("roc_auc", difference(estimate, error))
    assert (verdict.outcome, verdict.rows_needed) == (outcome, needed)


def test_below_the_least_rows_there_is_no_verdict():
    assert check_rows(199, 200).outcome is FEW and check_rows(199, 200).rows_needed == 200
    assert check_rows(200, 200).outcome is PASS


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [([PASS, PASS], PASS), ([PASS, FEW], FEW), ([FEW, FAIL, PASS], FAIL), ([FAIL], FAIL)],
)
def test_the_strictest_answer_counts_and_is_said_first(outcomes, expected):
    verdicts = [Verdict(outcome, f"reason {number}") for number, outcome in enumerate(outcomes)]
    outcome, reasons = decide(verdicts)
    assert outcome is expected and len(reasons) == len(outcomes)
    assert verdicts[int(reasons[0].split()[1])].outcome is expected


CHAMPION = Signature(
    "classification", "late", (False, True), (Column("a", "number", True), Column("b", "integer", False)), "x", True
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, ""),
        ({"estimator": "other"}, ""),
        ({"columns": (Column("a", "number", False), Column("b", "integer", True))}, ""),
        ({"columns": (Column("b", "integer", False), Column("a", "number", True))}, ""),
        ({"label": "delay"}, "predicts 'delay' and the champion 'late'"),
        ({"task": "regression", "classes": None}, "a regression and the champion a classification"),
        ({"classes": (0, 1)}, r"\[0, 1\] and the champion \[False, True\]"),
        ({"columns": (Column("a", "number", True),)}, "it lacks 'b'"),
        ({"columns": (*CHAMPION.columns, Column("c", "number", True))}, "it adds 'c'"),
        ({"columns": (Column("a", "category", True), Column("b", "integer", False))}, "'a' is category, not number"),
    ],
)
def test_models_that_take_other_requests_are_not_compared(changes, message):
    import re
    from dataclasses import replace

    reason = why_not_comparable(replace(CHAMPION, **changes), CHAMPION)
    assert bool(reason) == bool(message)
    assert re.search(message, reason)
    if message:
        assert "another model name" in reason
