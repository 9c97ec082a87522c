"""Both engines give the same answers, whatever repeats, is missing or is small."""

import warnings

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.components.monitoring.engines.stage import every_value, sketches_of, window_of

from kfp_lifecycle.components.monitoring.engines.alibi import ALIBI, detectors
from kfp_lifecycle.components.monitoring.engines.drift import drift_of
from kfp_lifecycle.components.monitoring.engines.native import NATIVE
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan

# One process pays for the import of alibi-detect.
pytestmark = pytest.mark.xdist_group("alibi-detect")

VALUES = st.integers(-3, 3).map(float) | st.floats(-1e6, 1e6, width=32)


def numbers(most: int, fewest: int) -> st.SearchStrategy[np.ndarray]:
    return st.integers(fewest, most).flatmap(lambda n: arrays(np.float64, n, elements=VALUES))


def agree(one, other):
    """alibi-detect keeps 32 bits of what it found."""
    assert one.p_value == pytest.approx(other.p_value, rel=1e-6, abs=1e-37)
    assert one.statistic == pytest.approx(other.statistic, rel=1e-6, abs=1e-6)


@settings(max_examples=150, deadline=None)
@given(numbers(200, 2), numbers(60, 2))
def test_kolmogorov_and_smirnov(reference, window):
    agree(NATIVE.ks(every_value(reference), np.sort(window)), ALIBI.ks(every_value(reference), np.sort(window)))


@settings(max_examples=50, deadline=None)
@given(numbers(60, 21), numbers(60, 21))
def test_cramer_and_von_mises(reference, window):
    agree(NATIVE.cvm(every_value(reference), np.sort(window)), ALIBI.cvm(every_value(reference), np.sort(window)))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60)), min_size=2, max_size=6))
def test_chi_square(pairs):
    reference, window = np.array(pairs).T
    if window.sum():
        agree(NATIVE.chi_square(reference, window), ALIBI.chi_square(reference, window))


@settings(max_examples=50, deadline=None)
@given(st.tuples(st.integers(1, 60), st.integers(1, 60)), st.tuples(st.integers(0, 60), st.integers(1, 60)))
def test_fishers_exact_test(reference, window):
    found, wanted = NATIVE.fet(np.array(reference), np.array(window)), ALIBI.fet(np.array(reference), np.array(window))
    assert found.p_value == pytest.approx(wanted.p_value, rel=1e-6)


def mixed(seed, rows):
    generator = np.random.default_rng(seed)
    return pa.table(
        {
            "delay": generator.normal(seed / 50, 1, rows).astype(np.float32),
            "hour": generator.integers(0, 24, rows),
            "carrier": generator.choice(["AA", "B6", "DL", "UA"], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "late": generator.random(rows) < 0.2 + seed / 100,
        }
    )


TYPES = {"delay": "number", "hour": "integer", "carrier": "category", "late": "boolean"}


@pytest.mark.parametrize("seed", range(5))
def test_a_whole_window_and_alibi_detects_own_tabular_detector(seed):
    reference, window = mixed(0, 1000), mixed(seed, 400)
    base, plan = sketches_of(reference, TYPES), DriftPlan(TYPES)
    native = drift_of(window_of(window), base, plan, NATIVE)
    alibi = drift_of(window_of(window), base, plan, ALIBI)
    for one, other in zip(native.columns, alibi.columns, strict=True):
        agree(one, other)
        assert one.adjusted_p == pytest.approx(other.adjusted_p, rel=1e-6, abs=1e-37)
        assert (one.psi, one.wasserstein, one.drifted) == (other.psi, other.wasserstein, other.drifted)

    def matrix(table):
        carriers = np.unique(reference["carrier"].to_numpy(), return_inverse=False).tolist()
        columns = [
            table["delay"].to_numpy(), table["hour"].to_numpy(),
            [carriers.index(value) for value in table["carrier"].to_pylist()], table["late"].to_numpy(),
        ]  # fmt: skip
        return np.column_stack(columns).astype(np.float32)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detector = detectors().TabularDrift(matrix(reference), categories_per_feature={2: None, 3: None})
    wanted = detector.predict(matrix(window), drift_type="feature")["data"]["p_val"]
    assert [column.p_value for column in native.columns] == pytest.approx(wanted.tolist(), rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_column_with_holes_and_repeats(data):
    """Missing values, infinite ones, constants and few rows, through all guards."""
    elements = st.sampled_from([0.0, 1.0, 0.5, np.nan, np.inf]) | st.floats(-5, 5, width=32)
    sides = [data.draw(arrays(np.float64, st.integers(1, 80), elements=elements)) for _ in range(2)]
    base, plan = sketches_of({"x": sides[0]}, {"x": "number"}), DriftPlan({"x": "number"}, min_rows=5)
    native, alibi = (drift_of(window_of({"x": sides[1]}), base, plan, engine) for engine in (NATIVE, ALIBI))
    one, other = native.columns[0], alibi.columns[0]
    assert (one.test, one.note, one.missing, one.missing_p) == (other.test, other.note, other.missing, other.missing_p)
    assert (one.p_value is None) == (other.p_value is None)
    if one.p_value is not None:
        agree(one, other)


def test_the_licence_is_told_once(capsys):
    detectors.cache_clear()
    detectors(), detectors()
    said = capsys.readouterr().out
    assert said.count("Business Source License") == 1 and "engine=native" in said
