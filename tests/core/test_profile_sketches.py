"""Sketches keep what later rows are compared with, and stay small."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kfp_lifecycle.core.sketches import (
    CATEGORIES,
    QUANTILES,
    sketch_categories,
    sketch_from_json,
    sketch_numbers,
    sketch_to_json,
)

NUMBERS = arrays(np.float64, st.integers(0, 300), elements=st.floats(-1e9, 1e9) | st.just(np.nan))
TEXTS = st.lists(st.sampled_from(["a", "b", "c", "ü", "", None, float("nan")]), max_size=200)


@settings(max_examples=100, deadline=None)
@given(NUMBERS)
def test_a_sketch_of_numbers_survives_json_and_holds_values_of_the_column(values):
    sketch = sketch_numbers(values)
    assert sketch_from_json(json.loads(json.dumps(sketch_to_json(sketch), allow_nan=False))) == sketch
    present = values[~np.isnan(values)]
    assert sketch.rows == len(values) and sketch.missing == len(values) - len(present)
    assert set(sketch.quantiles) <= set(present.tolist())
    assert list(sketch.quantiles) == sorted(sketch.quantiles)
    if len(present):
        assert (sketch.quantiles[0], sketch.quantiles[-1]) == (present.min(), present.max())


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_a_sketch_of_categories_counts_every_row_once(values):
    sketch = sketch_categories(np.array(values, dtype=object))
    assert sketch_from_json(json.loads(json.dumps(sketch_to_json(sketch), allow_nan=False))) == sketch
    assert sum(sketch.counts.values()) + sketch.other + sketch.missing == sketch.rows == len(values)
    assert sketch.distinct == len({value for value in values if isinstance(value, str)})


def test_a_million_numbers_become_a_thousand_and_one_and_keep_their_shape():
    values = np.random.default_rng(0).normal(size=200_000)
    sketch = sketch_numbers(values)
    assert len(sketch.quantiles) == QUANTILES
    assert np.interp(0.25, np.linspace(0, 1, QUANTILES), sketch.quantiles) == pytest.approx(
        np.quantile(values, 0.25), abs=0.01
    )


def test_a_value_that_fills_half_the_rows_fills_half_the_sketch():
    sketch = sketch_numbers(np.r_[np.zeros(5000), np.arange(1, 5001.0)])
    assert sketch.quantiles.count(0.0) / QUANTILES == pytest.approx(0.5, abs=0.002)


def test_rare_categories_are_counted_together():
    values = np.array([f"v{i}" for i in range(2000)] + ["often"] * 50, dtype=object)
    sketch = sketch_categories(values)
    assert len(sketch.counts) == CATEGORIES and next(iter(sketch.counts)) == "often"
    assert sketch.other == 2000 - CATEGORIES + 1 and sketch.distinct == 2001


def test_an_unknown_kind_of_sketch_is_refused():
    with pytest.raises(ValueError, match="kind 'histogram'"):
        sketch_from_json({"kind": "histogram"})
