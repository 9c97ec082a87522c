"""Corrections for the number of tests keep order and bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from kfp_lifecycle.components.monitoring.engines.corrections import CORRECTIONS, bonferroni, fdr, holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array)


@given(P_VALUES)
def test_fdr_is_scipys(p_values):
    assert fdr(p_values) == pytest.approx(false_discovery_control(p_values))


@given(P_VALUES)
def test_holm_lies_between_fdr_and_bonferroni_and_decides_as_its_definition_does(p_values):
    adjusted = holm(p_values)
    assert (fdr(p_values) <= adjusted + 1e-15).all() and (adjusted <= bonferroni(p_values) + 1e-15).all()
    # Step down: stop at the first p that is not below its share.
    limit, order = 0.05, np.argsort(p_values, kind="stable")
    rejected = np.zeros(len(p_values), dtype=bool)
    for step, index in enumerate(order):
        if p_values[index] * (len(p_values) - step) >= limit:
            break
        rejected[index] = True
    assert (adjusted < limit).tolist() == rejected.tolist()


@given(P_VALUES)
def test_every_correction_keeps_the_order_and_stays_a_probability(p_values):
    for correct in CORRECTIONS.values():
        adjusted = correct(p_values)
        assert (adjusted >= p_values - 1e-15).all() and (adjusted <= 1).all()
        assert (np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0).all()


@pytest.mark.parametrize("correct", CORRECTIONS.values())
def test_one_test_needs_no_correction_and_none_gives_none(correct):
    assert correct(np.array([0.03])).tolist() == [0.03]
    assert correct(np.array([])).tolist() == []
