"""Joint detectors see what no column alone shows."""

import numpy as np
import pyarrow as pa
import pytest
from tests.components.monitoring.engines.stage import sketches_of, window_of

from kfp_lifecycle.components.monitoring.engines.drift import drift_of
from kfp_lifecycle.components.monitoring.engines.joint import joint_of, require_joint
from kfp_lifecycle.components.monitoring.engines.joint_inputs import drawn_rows, kernel_matrix, trees_matrix
from kfp_lifecycle.components.monitoring.engines.native import NATIVE
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan
from kfp_lifecycle.core.errors import InputError

pytestmark = pytest.mark.xdist_group("alibi-detect")

TYPES = {"a": "number", "b": "number", "carrier": "category", "late": "boolean"}
PLAN = DriftPlan(TYPES)


def rows(seed, count, correlation):
    generator = np.random.default_rng(seed)
    a = generator.normal(size=count)
    b = correlation * a + np.sqrt(1 - correlation**2) * generator.normal(size=count)
    b[::40] = np.nan
    late = pa.array(generator.random(count) < 0.3, mask=generator.random(count) < 0.01)
    return pa.table(
        {
            "a": a,
            "b": pa.array(b, from_pandas=True),
            "carrier": generator.choice(["AA", "B6", None], count, p=[0.6, 0.3, 0.1]),
            "late": late,
        }
    )


SAMPLE = rows(0, 2000, 0.8)


def test_a_correlation_that_turned_around_is_seen_by_the_classifier_alone():
    window = window_of(rows(1, 1500, -0.8))
    alone = drift_of(window, sketches_of(SAMPLE, TYPES), PLAN, NATIVE)
    assert not any(column.adjusted_p < 0.01 for column in alone.columns)
    found = joint_of(window, SAMPLE.to_pandas(), PLAN, "classifier")
    assert found.detector == "ClassifierDrift" and found.drifted and found.p_value < 1e-6


def test_the_same_rows_give_the_same_answer_and_no_drift_is_none():
    found = [
        joint_of(window_of(rows(2, 1500, 0.8), size), SAMPLE.to_pandas(), PLAN, "classifier") for size in (100, 999)
    ]
    assert found[0] == found[1] and not found[0].drifted and found[0].p_value > 0.01


def test_few_rows_or_no_common_column_are_not_tested():
    found = joint_of(window_of(rows(2, 99, 0.8)), SAMPLE.to_pandas(), PLAN, "classifier")
    assert (found.p_value, found.drifted) == (None, False) and "99 rows" in found.note
    found = joint_of(window_of({"other": [1] * 200}), SAMPLE.to_pandas(), PLAN, "classifier")
    assert found.p_value is None and "no column" in found.note


def test_rows_are_drawn_without_replacement_in_order_whatever_the_batches():
    window = {"a": np.arange(5000.0)}
    drawn = drawn_rows(window_of(window, 7), ["a"], 300, 4)["a"].to_numpy()
    assert len(np.unique(drawn)) == 300 and (np.diff(drawn) > 0).all()
    assert drawn.tolist() == drawn_rows(window_of(window, 4999), ["a"], 300, 4)["a"].tolist()
    assert len(drawn_rows(window_of(window), ["a"], 9000, 4)) == 5000


def test_kernels_get_no_missing_value_and_trees_keep_them():
    sample, window = SAMPLE.to_pandas(), rows(5, 300, 0.8).to_pandas()
    window.loc[0, "carrier"] = "ZZ"
    kernels, trees = kernel_matrix(window, sample, TYPES), trees_matrix(window, sample, TYPES)
    assert np.isfinite(kernels).all() and kernels.shape == (300, 2 + 2 + 2 + 2)
    assert np.isnan(trees).sum() == window[list(TYPES)].isna().sum().sum()
    assert trees[0, 2] == 2 and kernels[0, 4:6].tolist() == [0, 0]


def test_an_unknown_detector_is_refused():
    with pytest.raises(InputError, match="classifier, mmd, lsdd"):
        require_joint("svm")


@pytest.mark.parametrize("detector", ["mmd", "lsdd"])
def test_a_kernel_detector_names_what_it_needs(detector, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="torch to be installed"):
        joint_of(window_of({"a": [1.0]}), SAMPLE.to_pandas(), PLAN, detector)
