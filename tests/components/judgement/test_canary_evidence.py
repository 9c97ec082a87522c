"""Does the evidence obey its rules: silence, the cap, the past alone, and the promised error rates?"""

from __future__ import annotations

from math import comb, exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.components.judgement.canary import Counts, Evidence, TwoArms, bar, estimate, growth, updated

MARGIN = 0.01


def counts(largest: int = 2000) -> st.SearchStrategy[Counts]:
    def of(total: int) -> st.SearchStrategy[Counts]:
        return st.integers(0, total).map(lambda bad: Counts(total, bad))

    return st.integers(0, largest).flatmap(of)


CHECKS = st.builds(TwoArms, counts(), counts())
MARGINS = st.sampled_from([0.001, 0.01, 0.2])


def after(checks: list[TwoArms], margin: float = MARGIN) -> Evidence:
    evidence = Evidence()
    for check in checks:
        evidence = updated(evidence, check, margin)
    return evidence


@given(st.lists(CHECKS, max_size=5), counts(), st.booleans(), MARGINS)
def test_a_check_without_requests_in_an_arm_moves_nothing(past, there, canary_is_silent, margin):
    before = after(past, margin)
    silent = TwoArms(Counts(), there) if canary_is_silent else TwoArms(there, Counts())
    assert updated(before, silent, margin) == before


@given(st.lists(CHECKS, max_size=5), CHECKS, MARGINS)
def test_one_check_multiplies_the_evidence_by_at_most_three(past, check, margin):
    before = after(past, margin)
    now = updated(before, check, margin)
    assert now.worse - before.worse <= log(3) + 1e-9
    assert now.no_worse - before.no_worse <= log(3) + 1e-9


@given(st.permutations([TwoArms(Counts(9, 0), Counts(90, 2)), TwoArms(Counts(40, 3), Counts(5, 0))]), CHECKS)
def test_the_bet_on_a_check_depends_on_the_totals_of_the_past_alone(past, check):
    before = after(past)
    now = updated(before, check, MARGIN)
    plain = updated(Evidence(canary=before.canary, stable=before.stable), check, MARGIN)
    assert now.worse - before.worse == pytest.approx(plain.worse, abs=1e-9)
    assert now.no_worse - before.no_worse == pytest.approx(plain.no_worse, abs=1e-9)


@pytest.mark.parametrize("past", [(0, 0, 0, 0), (50, 3, 400, 4), (300, 0, 100, 6), (40, 40, 40, 0)])
@pytest.mark.parametrize("stable", [0.001, 0.02, 0.4, 0.9])
@pytest.mark.parametrize("margin", [0.01, 0.08])
def test_no_null_pair_lets_the_evidence_grow_on_average(past, stable, margin):
    # Over all outcomes of a check, weighed exactly: the supermartingale itself. A bet on the check's own counts, or on
    # another pair than the nearest, breaks it.
    before = Evidence(canary=Counts(*past[:2]), stable=Counts(*past[2:]))
    n, m = 6, 9

    def average(canary: float, side: str) -> float:
        total = 0.0
        for c in range(n + 1):
            for s in range(m + 1):
                chance = comb(n, c) * canary**c * (1 - canary) ** (n - c)
                chance *= comb(m, s) * stable**s * (1 - stable) ** (m - s)
                now = updated(before, TwoArms(Counts(n, c), Counts(m, s)), margin)
                total += chance * exp(getattr(now, side))
        return total

    for canary in (stable, stable / 2):
        assert average(canary, "worse") <= 1 + 1e-9
    for canary in (stable + margin, (1 + stable + margin) / 2):
        assert average(canary, "no_worse") <= 1 + 1e-9


def test_the_first_check_meets_the_prior_alone():
    assert estimate(Counts()) == pytest.approx(0.01)
    # Without a past both arms are believed equal: no bet on "worse", whatever the check says.
    assert after([TwoArms(Counts(100, 100), Counts(100, 0))]).worse == 0


def test_the_growth_predicts_what_a_check_adds():
    # At known rates, uncapped as the checks are small.
    random, past = np.random.default_rng(0), Evidence(canary=Counts(10**9, 10**7), stable=Counts(10**9, 10**7))
    checks = zip(random.binomial(20, 0.01, 20_000).tolist(), random.binomial(80, 0.01, 20_000).tolist(), strict=True)
    gains = [updated(past, TwoArms(Counts(20, c), Counts(80, s)), MARGIN).no_worse for c, s in checks]
    assert np.mean(gains) == pytest.approx(20 * growth(0.01, 0.01, 4, MARGIN), rel=0.05)
    assert growth(0.02, 0.01, 4, MARGIN) == 0


@pytest.mark.parametrize(("total", "bad"), [(1, 2), (1, -1), (-1, -1)])
def test_impossible_counts_are_refused(total, bad):
    with pytest.raises(ValueError, match="expected 0 <= bad <= total"):
        Counts(total, bad)


def release(random: np.random.Generator, canary: float, stable: float, checks: int = 60) -> str:
    """The bare rule of the design: 200 canary requests a check at a weight of 20 %."""
    evidence = Evidence()
    for _ in range(checks):
        check = TwoArms(Counts(200, int(random.binomial(200, canary))), Counts(800, int(random.binomial(800, stable))))
        evidence = updated(evidence, check, MARGIN)
        if evidence.worse > bar(0.05):
            return "roll_back"
        if evidence.no_worse > bar(0.05) and evidence.canary.total >= 500:
            return "promote"
    return "wait"


def share(answer: str, runs: int, canary: float, stable: float, seed: int) -> float:
    random = np.random.default_rng(seed)
    return [release(random, canary, stable) for _ in range(runs)].count(answer) / runs


def test_the_promised_error_rates_are_kept():
    runs = 400
    allowed = 0.05 + 3 * sqrt(0.05 * 0.95 / runs)
    assert share("roll_back", runs, 0.01, 0.01, seed=1) <= allowed
    assert share("promote", runs, 0.02, 0.01, seed=2) <= allowed


@pytest.mark.parametrize(
    ("canary", "stable", "answer", "published"),
    [
        (0.01, 0.01, "promote", 0.998),
        (0.03, 0.01, "roll_back", 1.0),
        (0.02, 0.01, "roll_back", 0.992),
        (0.03, 0.03, "promote", 0.955),
    ],
)
def test_the_rates_of_the_design_come_out_again(canary, stable, answer, published):
    # Both are simulations: theirs of 600 runs, ours of 300. The variance of a share near 1 is taken at 99 %.
    runs, at = 300, min(published, 0.99)
    sigma = sqrt(at * (1 - at) * (1 / runs + 1 / 600))
    assert abs(share(answer, runs, canary, stable, seed=3) - published) <= 3 * sigma
