"""The native engine gives scipy's statistics and p-values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2_contingency, fisher_exact, ks_2samp, kstwo
from tests.components.monitoring.engines.stage import every_value

from kfp_lifecycle.components.monitoring.engines.kolmogorov import tail
from kfp_lifecycle.components.monitoring.engines.native import NATIVE, largest_distance
from kfp_lifecycle.components.monitoring.engines.reference import NumberReference, sketched
from kfp_lifecycle.core.sketches import QUANTILES, sketch_numbers

# Few whole numbers make ties and constants; the others are any floats.
VALUES = st.integers(-3, 3).map(float) | st.floats(-1e12, 1e12)


def numbers(most: int, fewest: int = 1) -> st.SearchStrategy[np.ndarray]:
    return st.integers(fewest, most).flatmap(lambda n: arrays(np.float64, n, elements=VALUES))


@settings(max_examples=300, deadline=None)
@given(numbers(300), numbers(60))
def test_ks_is_scipys_asymptotic_test_whatever_repeats(reference, window):
    found = NATIVE.ks(every_value(reference), np.sort(window))
    wanted = ks_2samp(reference, window, method="asymp")
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-12, abs=1e-15)
    # One row against one row has no p-value, here as there.
    assert found.p_value == pytest.approx(wanted.pvalue, rel=1e-6, abs=1e-300, nan_ok=True)
    assert found.largest_error == 0


@pytest.mark.parametrize("digits", [1, 3, 12])
def test_the_largest_distance_is_found_though_few_values_are_looked_up(digits):
    generator = np.random.default_rng(digits)
    for seed in range(60):
        reference = np.round(generator.normal(size=4000), digits)
        window = np.sort(np.round(generator.normal(0.002 * seed, 1, size=3000), digits))
        found = largest_distance(every_value(reference), window)
        assert found == pytest.approx(ks_2samp(reference, window, method="asymp").statistic, rel=1e-12)


@pytest.mark.parametrize("rows", [1, 2, 30, 500, 2001, 9_091, 50_000])
def test_the_tail_is_scipys_over_its_whole_range(rows):
    for distance in np.geomspace(0.4 / rows, 1.0, 25):
        assert tail(distance, rows) == pytest.approx(float(kstwo.sf(distance, rows)), rel=1e-6, abs=1e-300)


@pytest.mark.parametrize("squares", [2.2, 3, 18, 84, 300, 369])
def test_the_tail_of_a_million_rows_is_scipys(squares):
    rows = 500_000
    distance = float(np.sqrt(squares / rows))
    assert tail(distance, rows) == pytest.approx(float(kstwo.sf(distance, rows)), rel=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=8))
def test_chi_square_is_scipys_with_yates_correction(pairs):
    table = np.array([pair for pair in pairs if sum(pair)]).T
    if table.ndim < 2 or table.shape[1] < 2 or not table.sum(axis=1).all():
        return
    found, wanted = NATIVE.chi_square(*table), chi2_contingency(table)
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-9, abs=1e-12)
    assert found.p_value == pytest.approx(wanted.pvalue, rel=1e-6, abs=1e-300)


def test_fishers_test_sees_a_fall_as_well_as_a_rise():
    for window in ([90, 10], [40, 60]):
        found = NATIVE.fet(np.array([700, 300]), np.array(window))
        assert found.p_value == pytest.approx(fisher_exact([[700, 300], window]).pvalue, rel=1e-9)
        assert found.p_value < 1e-4


@st.composite
def large_and_small(draw):
    """More rows than a sketch keeps, some columns smooth and some of few values; and a window."""
    seed, rows = draw(st.integers(0, 10_000)), draw(st.integers(QUANTILES + 1, 20_000))
    generator = np.random.default_rng(seed)
    digits = draw(st.sampled_from([0, 1, 2, 12]))
    reference = np.round(generator.normal(size=rows) ** draw(st.sampled_from([1, 3])), digits)
    window = np.round(generator.normal(draw(st.sampled_from([0, 0.1, 3])), 1, size=draw(st.integers(1, 3000))), digits)
    return reference, np.sort(window)


@settings(max_examples=150, deadline=None)
@given(large_and_small())
def test_a_sketch_is_off_by_no_more_than_it_says_and_never_alarms_before_the_table_would(drawn):
    reference, window = drawn
    exact, sketch = every_value(reference), sketched(sketch_numbers(reference))
    assert isinstance(sketch, NumberReference)
    truth, found = NATIVE.ks(exact, window), NATIVE.ks(sketch, window)
    assert 0 < found.largest_error <= 1.01 / (QUANTILES - 1)
    assert abs(found.statistic - truth.statistic) <= found.largest_error + 1e-12
    assert found.p_value >= truth.p_value * (1 - 1e-9)


def test_a_sketch_of_few_rows_holds_them_all_and_is_exact():
    reference = np.random.default_rng(0).normal(size=QUANTILES)
    window = np.sort(np.random.default_rng(1).normal(size=200))
    found = NATIVE.ks(sketched(sketch_numbers(reference)), window)
    assert (found.statistic, found.largest_error) == (largest_distance(every_value(reference), window), 0)
