"""What makes a drift test answer wrongly without a word, and what is answered instead; by both engines alike."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from tests.components.monitoring.engines.stage import ENGINES, column_of, sketches_of, window_of

from kfp_lifecycle.components.monitoring.engines.drift import drift_of
from kfp_lifecycle.components.monitoring.engines.engine import engine_named
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan, important_columns
from kfp_lifecycle.components.monitoring.engines.reference import Reference
from kfp_lifecycle.core.errors import InputError

pytestmark = [pytest.mark.xdist_group("alibi-detect"), pytest.mark.parametrize("engine", ENGINES)]

GENERATOR = np.random.default_rng(3)
NORMAL = GENERATOR.normal(size=1000)
SAME = GENERATOR.normal(size=400)
CARRIERS = GENERATOR.choice(["AA", "B6", "DL"], 1000, p=[0.5, 0.3, 0.2]).tolist()
OTHER_CARRIERS = GENERATOR.choice(["AA", "B6", "DL"], 400, p=[0.5, 0.3, 0.2]).tolist()


def with_nan(values, count=1):
    holed = np.array(values, dtype=float)
    holed[:count] = np.nan
    return holed


@pytest.mark.parametrize("test", ["ks", "cvm"])
def test_one_nan_does_not_hide_a_shift(engine, test):
    for reference, window in ((NORMAL, with_nan(SAME + 5)), (with_nan(NORMAL), SAME + 5)):
        found = column_of("number", reference, window, engine, number_test=test)
        assert found.test == test and found.p_value < 1e-6 and found.drifted


def test_values_that_go_missing_are_a_signal_of_their_own(engine):
    found = column_of("number", NORMAL, with_nan(SAME, 40), engine)
    assert (found.missing, found.reference_missing, found.rows) == (0.1, 0, 360)
    assert found.missing_p < 1e-10 and found.p_value > 0.01
    assert column_of("number", NORMAL, SAME, engine).missing_p is None


def test_infinite_values_count_as_missing(engine):
    window = SAME.copy()
    window[:3], window[3] = np.inf, -np.inf
    found = column_of("number", NORMAL, window, engine)
    assert (found.rows, found.missing) == (396, 0.01)
    assert np.isfinite([found.p_value, found.psi, found.wasserstein]).all()


def test_missing_categories_are_left_out(engine):
    found = column_of("category", CARRIERS, [None, *OTHER_CARRIERS[1:]], engine)
    assert found.p_value > 0.01 and found.missing == 1 / 400


@pytest.mark.parametrize("test", ["ks", "cvm"])
def test_a_constant_that_stays_is_no_drift(engine, test):
    for reference, window in (([3.0] * 100, [3.0] * 50), ([0.1 + 0.2] * 100, [0.3] * 50), ([0.0] * 100, [1e-17] * 50)):
        found = column_of("number", reference, window, engine, number_test=test)
        assert (found.p_value, found.drifted) == (1.0, False) and "same value" in found.note


def test_a_constant_that_becomes_another_is_drift(engine):
    assert column_of("number", [3.0] * 100, [4.0] * 50, engine).drifted


def test_cvm_is_not_asked_where_values_repeat(engine):
    """It found drift at p = 1e-11 in equally drawn whole numbers."""
    reference, window = GENERATOR.integers(0, 50, 1000), GENERATOR.integers(0, 50, 500)
    found = column_of("integer", reference, window, engine, number_test="cvm")
    assert found.test == "ks" and "repeat" in found.note and found.p_value > 0.01


def test_one_strange_category_in_many_rows_is_no_drift(engine):
    for rows in (200, 40):
        window = [*(OTHER_CARRIERS * 2)[: rows - 1], "ZZ"]
        found = column_of("category", CARRIERS, window, engine)
        assert found.test == "chi_square" and found.p_value > 1e-3 and not found.drifted


def test_many_strange_categories_are_drift(engine):
    assert column_of("category", CARRIERS, OTHER_CARRIERS[:200] + ["ZZ"] * 100, engine).drifted


def test_a_category_that_nobody_has_is_no_error(engine):
    reference = sketches_of({"x": CARRIERS}, {"x": "category"})
    sketch = reference.columns["x"]()
    gone = type(sketch)(sketch.rows, 0, {**sketch.counts, "never": 0}, 0, 4)
    plan = DriftPlan({"x": "category"})
    found = drift_of(
        window_of({"x": OTHER_CARRIERS}), Reference("profile", 1000, {"x": lambda: gone}), plan, engine_named(engine)
    )
    assert found.columns[0].p_value > 0.01


def test_one_category_everywhere_is_no_drift(engine):
    found = column_of("category", ["AA"] * 100, ["AA"] * 50, engine)
    assert found.p_value == 1.0 and "one category" in found.note


def test_an_empty_window_and_few_rows_are_not_tested(engine):
    plan, reference = DriftPlan({"x": "number"}), sketches_of({"x": NORMAL}, {"x": "number"})
    empty = window_of({"x": pa.array([], pa.float64())})
    assert drift_of(empty, reference, plan, engine_named(engine)).note == "the window has no rows"
    for window in ([100.0], with_nan(SAME[:40], 11), [None] * 50):
        found = column_of("number", NORMAL, pa.array(window, pa.float64(), from_pandas=True), engine)
        assert (found.test, found.p_value, found.psi, found.drifted) == ("", None, None, False)
        assert "a test needs 30" in found.note
    assert "of the reference" in column_of("number", NORMAL[:10], SAME, engine).note


def test_columns_are_found_by_name_in_any_order_and_others_are_ignored(engine):
    reference = sketches_of({"a": NORMAL, "b": NORMAL * 100}, {"a": "number", "b": "number"})
    window = window_of({"more": ["x"] * 400, "b": SAME * 100, "a": SAME})
    plan = DriftPlan({"a": "number", "b": "number"})
    found = drift_of(window, reference, plan, engine_named(engine))
    assert [column.name for column in found.columns] == ["a", "b"] and not any(c.drifted for c in found.columns)


def test_an_absent_column_is_named_and_not_counted_as_a_test(engine):
    types = {"a": "number", "b": "number", "c": "number"}
    reference = sketches_of({"a": NORMAL, "b": NORMAL}, types)
    found = drift_of(window_of({"a": SAME, "c": SAME}), reference, DriftPlan(types), engine_named(engine)).columns
    assert [column.note for column in found] == ["", "the window lacks the column", "the reference lacks the column"]
    assert found[0].adjusted_p == found[0].p_value and found[1].missing == 1


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("number", pa.array(["1.5"] * 50)),
        ("number", pa.array([0] * 50, pa.timestamp("us", "UTC"))),
        ("integer", pa.array([True] * 50)),
        ("boolean", pa.array(["true"] * 50)),
        ("category", pa.array([1, 2] * 25)),
    ],
)
def test_a_column_of_another_type_is_not_tested(engine, kind, values):
    reference = CARRIERS if kind == "category" else NORMAL > 0 if kind == "boolean" else NORMAL.round()
    found = column_of(kind, reference, values, engine)
    assert found.test == "" and f"the model takes {kind}" in found.note


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("number", pa.array([Decimal("1.5"), Decimal("-0.5")] * 25)),
        ("number", pa.array(NORMAL[:50], pa.float32())),
        ("boolean", pa.array([1, 0] * 25)),
        ("category", pa.array(["AA", "DL"] * 25).dictionary_encode()),
    ],
)
def test_a_type_that_holds_the_same_values_is_tested(engine, kind, values):
    reference = CARRIERS if kind == "category" else NORMAL > 0 if kind == "boolean" else NORMAL
    assert column_of(kind, reference, values, engine).test


@pytest.mark.parametrize("test", ["chi_square", "fet"])
def test_booleans_are_two_categories(engine, test):
    found = column_of("boolean", NORMAL > 0, SAME > 0, engine, boolean_test=test)
    assert found.test == test and found.p_value > 0.01 and found.wasserstein is None
    assert column_of("boolean", NORMAL > 0, SAME > 0.8, engine, boolean_test=test).drifted
    assert column_of("boolean", [True] * 100, [True] * 50, engine, boolean_test=test).p_value == 1.0


def test_a_boolean_that_holds_other_numbers_is_not_tested(engine):
    found = column_of("boolean", NORMAL > 0, [0.0, 1.0, 2.0] * 20, engine)
    assert found.test == "" and found.psi is None and "other than 0 and 1" in found.note


def test_a_large_change_needs_both_p_and_effect_to_count(engine):
    rows = 5000
    base, shifted = GENERATOR.normal(size=rows), GENERATOR.normal(0.15, 1, size=rows)
    found = column_of("number", base, shifted, engine)
    assert found.p_value < 1e-6 and found.psi < 0.1 and not found.drifted
    assert column_of("number", base, shifted, engine, psi_limit=0.01).drifted
    assert not column_of("number", base, shifted, engine, psi_limit=0.01, drift_p=0).drifted


def test_importances_are_passed_on(engine):
    types = {"a": "number", "b": "number"}
    importances = {"a": 0.5, "b": 0.05}
    plan = DriftPlan(types, importances, important_columns(importances))
    reference = sketches_of({"a": NORMAL, "b": NORMAL}, types)
    found = drift_of(window_of({"a": SAME, "b": SAME}), reference, plan, engine_named(engine)).columns
    assert [(column.importance, column.important) for column in found] == [(0.5, True), (0.05, False)]
    assert important_columns({"a": 0.0, "b": -1.0}) == frozenset() == important_columns({})


@pytest.mark.parametrize(
    "setting", [{"correction": "none"}, {"number_test": "t"}, {"boolean_test": "z"}, {"min_rows": 1}]
)
def test_an_unknown_choice_is_refused(engine, setting):
    with pytest.raises(InputError, match=next(iter(setting))):
        DriftPlan({}, **setting)
    with pytest.raises(InputError, match="alibi-detect or native"):
        engine_named(f"{engine}!")


def test_whole_numbers_that_no_float_holds_are_tested(engine):
    numbers = (2**60 + np.arange(500) * 1025).tolist()
    found = column_of("integer", numbers, numbers[:300], engine)
    assert found.rows == 300 and found.p_value is not None
