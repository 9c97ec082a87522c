"""Are broken data told from drift, and named?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.components.monitoring.column_tally import ColumnTally
from kfp_lifecycle.components.monitoring.quality import column_faults
from kfp_lifecycle.components.monitoring.rules import Rules
from kfp_lifecycle.components.monitoring.windows import plan_windows
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.signature import Column
from kfp_lifecycle.core.sketches import sketch_categories, sketch_numbers
from kfp_lifecycle.core.window import parse_duration, parse_time

WINDOW = plan_windows(parse_time("2013-03-11"), parse_duration("P7D"), 1, parse_duration("P7D")).newest
RANDOM = np.random.default_rng(0)
NUMBERS = sketch_numbers(np.where(RANDOM.random(5000) < 0.02, np.nan, RANDOM.normal(40, 9, 5000)))
WHOLE = sketch_numbers(RANDOM.integers(0, 5, 5000).astype(float))
RARE = sketch_numbers((RANDOM.random(5000) < 0.01).astype(float))
RAIN = sketch_numbers(np.where(RANDOM.random(5000) < 0.92, 0.0, RANDOM.exponential(size=5000)))
FIXED = sketch_numbers(np.full(5000, 3.0))
CITIES = sketch_categories(RANDOM.choice(["Bern", "Köln", "Oslo"], 5000).astype(object))
MANY = sketch_categories(np.array([f"id-{n % 2500}" for n in range(5000)], dtype=object))


def found(kind: str, values: pa.Array, reference) -> list[tuple[str, bool]]:
    tally = ColumnTally(Column("c", kind, True))
    for start in range(0, len(values), 300):
        tally.add(values.slice(start, 300))
    return [(fault.kind, fault.blocking) for fault in column_faults(tally, reference, Rules(), WINDOW)]


def ages(missing: float = 0.02, rows: int = 1000) -> pa.Array:
    values = np.random.default_rng(1).normal(40, 9, rows)
    values[: int(rows * missing)] = np.nan
    return pa.array(values)


def cities(new: float, rows: int = 1000) -> pa.Array:
    return pa.array(["Genf"] * int(rows * new) + ["Bern", "Köln"] * ((rows - int(rows * new)) // 2))


@pytest.mark.parametrize(
    ("kind", "values", "reference", "expected"),
    [
        ("number", ages(), NUMBERS, []),
        ("number", ages(0.08), NUMBERS, [("missing_values", False)]),
        ("number", ages(0.4), NUMBERS, [("missing_values", True)]),
        ("number", pa.nulls(1000), NUMBERS, [("missing_values", True)]),
        ("number", pa.array([np.inf] * 200 + [40.0, 41.0] * 400), NUMBERS, [("bad_values", True)]),
        ("number", pa.array([np.inf] + [40.0, 41.0] * 400), NUMBERS, [("bad_values", False)]),
        ("number", pa.array([40.0] * 1000), NUMBERS, [("constant", True)]),
        ("number", pa.array([3.0] * 1000), FIXED, []),
        ("integer", pa.array([0.5] * 200 + [1.0, 2.0] * 400), WHOLE, [("bad_values", True)]),
        ("integer", pa.array([1, 2, 3, 4] * 250), WHOLE, []),
        ("boolean", pa.array([False] * 1000), RARE, []),
        ("boolean", pa.array([True] * 1000), RARE, [("constant", True)]),
        # A dry week: rows are not independent, and the usual value in all of them breaks nothing.
        ("number", pa.array([0.0] * 6000), RAIN, [("constant", False)]),
        ("boolean", pa.array([2.0] * 200 + [0.0, 1.0] * 400), RARE, [("bad_values", True)]),
        ("category", cities(0.0), CITIES, []),
        ("category", cities(0.01), CITIES, [("unseen_categories", False)]),
        ("category", cities(0.2), CITIES, [("unseen_categories", True)]),
        ("category", pa.array(["Oslo"] * 1000), CITIES, [("constant", True)]),
        # Of 2,500 categories a sketch keeps 500: that others come is no news.
        ("category", pa.array([f"id-{n % 2500}" for n in range(2500)]), MANY, []),
        ("category", pa.array([f"new-{n}" for n in range(1000)]), MANY, [("unseen_categories", True)]),
    ],
)
def test_what_is_wrong_with_a_column_is_found(kind, values, reference, expected) -> None:
    assert found(kind, values, reference) == expected


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-3, 3).map(float)), min_size=1, max_size=200))
def test_a_tally_counts_the_same_however_the_rows_are_cut(values: list[float | None]) -> None:
    whole, cut = ColumnTally(Column("c", "number", True)), ColumnTally(Column("c", "number", True))
    whole.add(pa.array(values, pa.float64()))
    for value in values:
        cut.add(pa.array([value], pa.float64()))
    assert whole == cut
    known = [value for value in values if value is not None and np.isfinite(value)]
    assert whole.rows == whole.missing + whole.infinite + len(known)


def blank(column: str, share: float) -> Callable[[pd.DataFrame], None]:
    def change(rows: pd.DataFrame) -> None:
        rows.loc[rows.index % 100 < 100 * share, column] = None

    return change


def test_missing_values_stop_a_retrain_that_they_would_cause(served, watch) -> None:
    rows = served(change=blank("age", 0.6))
    answer = watch(rows.assign(late=~rows["late"]))
    assert answer.outcome == "data_fault"
    assert answer.reason.startswith("age: 5")
    assert answer.decision.numbers["flagged_windows"] == 0, "broken windows say nothing of the model"
    assert "tested_columns" in answer.decision.numbers


def test_a_fault_that_is_over_leaves_the_windows_after_it_to_be_judged(served, watch) -> None:
    def change(rows: pd.DataFrame) -> None:
        early = rows["at"] < rows["at"].min() + pd.Timedelta(weeks=2)
        rows.loc[early, "age"] = None

    answer = watch(served(change=change))
    assert answer.outcome == "healthy", answer.decision.reasons
    assert any("have no value" in reason for reason in answer.decision.reasons)


def test_windows_that_are_broken_count_neither_as_drifted_nor_as_judged(served, watch) -> None:
    def change(rows: pd.DataFrame) -> None:
        early = rows["at"] < rows["at"].min().floor("D") + pd.Timedelta(weeks=3)
        rows.loc[early, "age"] += 9
        rows.loc[early & (rows.index % 2 == 0), "age"] = None

    answer = watch(served(change=change))
    assert answer.outcome == "insufficient_data", answer.decision.reasons
    assert "drift was tested in 1 of the last 3 windows" in " ".join(answer.decision.reasons)
    assert "performance is known in 1 of the last 3" in " ".join(answer.decision.reasons)
    assert "its data are broken" in answer.reason


def test_a_column_that_is_gone_or_of_another_type_is_a_fault_by_name(served, watch) -> None:
    rows = served()
    gone = watch(rows.drop(columns="age"))
    assert (gone.outcome, gone.reason) == ("data_fault", "age: the rows lack this column, which the model takes")
    renamed = watch(rows.rename(columns={"age": "pages", "pages": "age"}).assign(city=3))
    assert renamed.outcome == "data_fault"
    assert renamed.reason.startswith("city: it holds int64")


def test_a_column_that_the_log_leaves_out_or_hashes_can_be_excluded(served, watch) -> None:
    rows = served()
    hashed = rows.assign(city=rows["city"].map(lambda name: f"hash of {name}"))
    assert watch(hashed).outcome == "data_fault"
    assert watch(hashed, exclude=["city"]).outcome == "healthy"
    left_out = watch(rows.drop(columns="age"), exclude=["age"])
    assert left_out.outcome == "healthy"
    assert left_out.decision.numbers["tested_columns"] == 4, "three columns and the score"
    with pytest.raises(InputError) as raised:
        watch(rows, exclude=["cities"])
    assert raised.value.parameter == "exclude"


def test_columns_in_another_order_are_the_same_columns(served, watch) -> None:
    rows = served()
    assert watch(rows[sorted(rows.columns, reverse=True)]).outcome == "healthy"


def test_refused_rows_are_looked_at_for_faults_too(served, watch) -> None:
    rows = served()
    broken = served(seed=9, change=blank("age", 1.0)).assign(_status=422)
    assert watch(pd.concat([rows, broken], ignore_index=True)).outcome == "data_fault"
