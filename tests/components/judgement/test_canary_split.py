"""Is a wrong split of the traffic found, and a right one left alone, however often one looks?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.components.judgement.split import evidence, is_enough, is_mended, is_wrong


def test_without_requests_there_is_no_evidence():
    assert evidence(0, 0, 10) == 0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 99))
def test_a_share_within_two_points_is_never_wrong(canary, stable, weight):
    if canary + stable and abs(canary / (canary + stable) - weight / 100) <= 0.02:
        assert not is_wrong(canary, stable, weight)


@pytest.mark.parametrize(("weight", "requests"), [(10, 150), (25, 45), (50, 20)])
def test_a_canary_that_gets_nothing_is_found_after_few_requests(weight, requests):
    assert is_wrong(0, requests, weight)
    assert not is_wrong(0, requests // 2, weight)


def test_more_than_the_weight_is_as_wrong_as_less():
    assert is_wrong(200, 800, 10)
    assert is_wrong(400, 100, 50)


def test_at_a_weight_within_the_tolerance_nothing_looks_the_same_as_a_right_split():
    assert not is_wrong(0, 10**6, 2)


@pytest.mark.parametrize(("weight", "true_share"), [(10, 0.10), (10, 0.08), (50, 0.52)])
def test_a_right_split_is_called_wrong_in_one_release_of_a_thousand_at_most(weight, true_share):
    random = np.random.default_rng(0)
    found = 0
    for _ in range(1000):
        canary = np.cumsum(random.binomial(200, true_share, 100))
        found += any(is_wrong(int(seen), 200 * check - int(seen), weight) for check, seen in enumerate(canary, start=1))
    # One is expected at the edge of the null hypothesis; five are two in ten thousand.
    assert found <= 4


def test_a_mended_split_is_told_once_enough_requests_came():
    assert not is_enough(0, 199, 10)
    assert is_enough(0, 200, 10)
    assert is_mended(19, 181, 10)
    assert not is_mended(0, 200, 10)
    assert not is_mended(60, 140, 10)
