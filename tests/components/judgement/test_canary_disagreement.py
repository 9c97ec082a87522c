"""Does the rule for replayed rows tell a rate below the limit from one above, and keep its error rates?"""

from __future__ import annotations

from math import comb, exp, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.components.judgement.canary import bar
from kfp_lifecycle.components.judgement.disagreement import evidence

LIMIT = 0.05


def test_no_row_is_no_evidence():
    assert evidence(0, 0, LIMIT).worse == 0
    assert evidence(0, 0, LIMIT).no_worse == 0


@given(st.integers(0, 5000).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))))
def test_both_sides_are_never_shown_at_once(seen):
    found = evidence(*seen, LIMIT)
    assert min(found.worse, found.no_worse) <= 0
    if seen[1] and seen[0] / seen[1] <= LIMIT:
        assert found.worse <= 0


@pytest.mark.parametrize(("disagreements", "rows"), [(5, 4), (-1, 4), (0, -1)])
def test_impossible_counts_are_refused(disagreements, rows):
    with pytest.raises(ValueError, match="expected no more than rows"):
        evidence(disagreements, rows, LIMIT)


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.05])
def test_no_rate_of_the_null_lets_the_evidence_exceed_one_on_average(rate):
    # Exactly, over all outcomes of 40 rows; "above the limit" is never true at these rates.
    total = sum(
        comb(40, hits) * rate**hits * (1 - rate) ** (40 - hits) * exp(evidence(hits, 40, LIMIT).worse)
        for hits in range(41)
    )
    assert total <= 1 + 1e-9


def replay(random: np.random.Generator, rate: float, rows: int = 5000, step: int = 50) -> tuple[str, int]:
    hits = 0
    for seen in range(step, rows + 1, step):
        hits += int(random.binomial(step, rate))
        found = evidence(hits, seen, LIMIT)
        if found.worse > bar(0.05):
            return "worse", seen
        if found.no_worse > bar(0.05):
            return "no worse", seen
    return "not told", rows


def answers(rate: float, runs: int, seed: int) -> tuple[list[str], float]:
    random = np.random.default_rng(seed)
    found = [replay(random, rate) for _ in range(runs)]
    return [answer for answer, _ in found], float(np.mean([rows for _, rows in found]))


@pytest.mark.parametrize(
    ("rate", "answer", "rows"), [(0.01, "no worse", 182), (0.02, "no worse", 367), (0.10, "worse", 287)]
)
def test_the_table_of_the_design_comes_out_again(rate, answer, rows):
    found, seen = answers(rate, 300, seed=1)
    assert found.count(answer) >= 0.99 * len(found)
    assert seen == pytest.approx(rows, rel=0.15)


def test_at_the_limit_neither_side_is_shown_more_often_than_promised():
    found, _ = answers(LIMIT, 300, seed=2)
    allowed = 0.05 + 3 * sqrt(0.05 * 0.95 / len(found))
    assert found.count("worse") / len(found) <= allowed
    assert found.count("no worse") / len(found) <= allowed
