"""Effect sizes say how much changed, not how many rows were seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance
from tests.components.monitoring.engines.stage import every_value

from kfp_lifecycle.components.monitoring.engines.effects import jensen_shannon, number_cells, psi, wasserstein
from kfp_lifecycle.components.monitoring.engines.pooling import pooled
from kfp_lifecycle.components.monitoring.engines.reference import sketched
from kfp_lifecycle.core.sketches import sketch_numbers

GENERATOR = np.random.default_rng(5)
NORMAL = GENERATOR.normal(size=20_000)
COUNTS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=20)


def psi_of(reference, window):
    return psi(*number_cells(reference, np.sort(np.asarray(window, dtype=float))))


def test_psi_is_its_definition_over_the_references_deciles():
    window = np.sort(GENERATOR.normal(0.5, 1, size=3000))
    edges = np.quantile(NORMAL, np.arange(1, 10) / 10, method="inverted_cdf")
    expected = np.bincount(np.searchsorted(edges, NORMAL, "left"), minlength=10) / len(NORMAL)
    found = np.maximum(np.bincount(np.searchsorted(edges, window, "left"), minlength=10) / len(window), 1e-4)
    assert psi_of(every_value(NORMAL), window) == pytest.approx(
        ((found - expected) * np.log(found / expected)).sum(), rel=1e-9
    )


def test_a_sketch_gives_nearly_the_same_effects():
    window = np.sort(GENERATOR.normal(0.4, 1.2, size=5000))
    exact, sketch = every_value(NORMAL), sketched(sketch_numbers(NORMAL))
    assert psi_of(sketch, window) == pytest.approx(psi_of(exact, window), rel=0.02)
    assert wasserstein(sketch, window) == pytest.approx(wasserstein(exact, window), rel=0.02)


@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
def test_wasserstein_is_scipys_to_a_hundredth_of_a_deviation(shift):
    window = np.sort(GENERATOR.normal(shift, 1.1, size=4000))
    wanted = wasserstein_distance(NORMAL, window) / NORMAL.std()
    assert wasserstein(every_value(NORMAL), window) == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_effects_do_not_depend_on_the_unit(scale):
    window = np.sort(GENERATOR.normal(0.3, 1, size=2000))
    one, other = every_value(NORMAL), every_value(NORMAL * scale)
    assert wasserstein(other, window * scale) == pytest.approx(wasserstein(one, window))
    assert psi_of(other, window * scale) == pytest.approx(psi_of(one, window), abs=1e-3)


@pytest.mark.parametrize("window", [[2.0] * 100, [4.0] * 100])
def test_a_constant_that_became_another_is_a_large_change_on_either_side(window):
    constant = every_value([3.0] * 500)
    assert psi_of(constant, [3.0] * 100) == 0
    assert psi_of(constant, window) > 5
    assert wasserstein(constant, np.array(window)) is None


def test_a_count_whose_commonest_value_became_rare_is_seen():
    zeros = every_value(np.r_[np.zeros(800), np.arange(1, 201)])
    assert psi_of(zeros, np.r_[np.zeros(80), np.arange(1, 21) * 10]) < 0.1
    assert psi_of(zeros, np.r_[np.zeros(20), np.arange(1, 81)]) > 0.5


@settings(deadline=None)
@given(COUNTS)
def test_jensen_shannon_is_scipys(pairs):
    reference, window = np.array(pairs, dtype=float).T
    if not reference.sum() or not window.sum():
        return
    wanted = jensenshannon(reference, window, base=2)
    assert jensen_shannon(reference, window) == pytest.approx(float(np.nan_to_num(wanted)), abs=1e-6)


@settings(deadline=None)
@given(COUNTS)
def test_pooled_categories_keep_every_row_and_leave_no_small_cell(pairs):
    reference, window = np.array(pairs).T
    if not reference.sum() or not window.sum():
        return
    cells = pooled(reference, window)
    assert [int(side.sum()) for side in cells] == [reference.sum(), window.sum()]
    assert len(cells[0]) == len(cells[1])
    both = cells[0] + cells[1]
    if len(both) > 1:
        assert (both * min(reference.sum(), window.sum()) / both.sum() >= 5).all()


def test_common_categories_stay_apart():
    cells = pooled(np.array([500, 300, 4, 0]), np.array([50, 30, 1, 2]))
    assert [side.tolist() for side in cells] == [[500, 304], [50, 33]]
    cells = pooled(np.array([500, 300, 200, 0]), np.array([50, 30, 20, 0]))
    assert [side.tolist() for side in cells] == [[500, 300, 200], [50, 30, 20]]
