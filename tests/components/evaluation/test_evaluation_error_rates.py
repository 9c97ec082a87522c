"""How often the gate is wrong, by simulation with a fixed seed.

The set-up of the design: a champion with an accuracy of 88 %, answers that disagree on 6 % of rows, a margin of one
point. A rate over n repetitions has a standard deviation of sqrt(p * (1 - p) / n); three of them are allowed.
"""

from math import sqrt

import numpy as np
import pytest

from kfp_lifecycle.components.evaluation.gate import Outcome, check_champion, check_floor
from kfp_lifecycle.core.answers import Answers
from kfp_lifecycle.core.bootstrap import compare
from kfp_lifecycle.core.metrics import METRICS

MARGIN, DISAGREEMENT, CHAMPION = 0.01, 0.06, 0.88
ROUNDS = 300


def pair(random: np.random.Generator, rows: int, true_difference: float) -> tuple[Answers, Answers]:
    """Candidate and champion whose accuracies truly differ by that much."""
    gained = (DISAGREEMENT + true_difference) / 2
    chances = [gained, DISAGREEMENT - gained, CHAMPION - (DISAGREEMENT - gained)]
    kind = random.choice(4, rows, p=[*chances, 1 - sum(chances)])
    candidate, champion = np.isin(kind, (0, 2)), np.isin(kind, (1, 2))
    truth = np.ones(rows, dtype=int)
    return Answers(truth, candidate.astype(int), classes=2), Answers(truth, champion.astype(int), classes=2)


def share(outcome: Outcome, runs: int, rows: int, true_difference: float, seed: int) -> float:
    random = np.random.default_rng(seed)
    metric = METRICS["accuracy"]
    found = [
        check_champion("accuracy", compare(metric, *pair(random, rows, true_difference), ROUNDS, run), MARGIN).outcome
        for run in range(runs)
    ]
    return found.count(outcome) / runs


@pytest.mark.parametrize("rows", [500, 2000])
def test_a_candidate_worse_by_the_margin_passes_one_time_in_twenty(rows):
    runs = 400
    assert share(Outcome.PASS, runs, rows, -MARGIN, seed=1) <= 0.05 + 3 * sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize(("rows", "runs", "published"), [(2000, 400, 0.585), (8000, 100, 0.971)])
def test_an_equal_candidate_passes_as_often_as_the_design_says(rows, runs, published):
    found = share(Outcome.PASS, runs, rows, 0.0, seed=2)
    assert found >= published - 3 * sqrt(published * (1 - published) / runs)


def test_an_equal_candidate_on_few_rows_is_told_so_rather_than_failed():
    found = {outcome: share(outcome, 100, 300, 0.0, seed=3) for outcome in Outcome}
    assert found[Outcome.TOO_FEW_ROWS] > 0.6 and found[Outcome.FAIL] < 0.1


def test_a_candidate_that_guesses_passes_the_floor_one_time_in_twenty():
    random, runs, passed = np.random.default_rng(4), 300, 0
    for run in range(runs):
        truth = random.integers(0, 2, 400)
        guess = Answers(truth, truth, None, random.random(400), 2)
        constant = Answers(truth, truth, None, np.zeros(400), 2)
        verdict = check_floor("roc_auc", compare(METRICS["roc_auc"], guess, constant, ROUNDS, run))
        passed += verdict.outcome is Outcome.PASS
    assert passed / runs <= 0.05 + 3 * sqrt(0.05 * 0.95 / runs)
