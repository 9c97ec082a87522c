from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import PoissonRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kfp_lifecycle.core.model import Column, Signature
from kfp_lifecycle.core.profile import Importances, Performance, Profile, save_profile
from kfp_lifecycle.core.sketches import sketch_categories, sketch_numbers
from kfp_lifecycle.serving.exchange import Call, Exchange, Protocol
from kfp_lifecycle.serving.far_values import far_value, training_ranges
from kfp_lifecycle.serving.rows import Rows

RANGES = {"x": (0.0, 10.0)}


@pytest.mark.parametrize("value", [-10, 20.0, 0, None])
def test_values_within_a_range_on_either_side_are_not_far(value: Any) -> None:
    assert far_value(Rows(1, [["a"], [value]]), ["c", "x"], RANGES) is None


@pytest.mark.parametrize("value", [-10.1, 21, 1e30])
def test_a_far_value_is_named_with_its_row_and_the_range(value: Any) -> None:
    found = far_value(Rows(2, [["a", "a"], [5.0, value]]), ["c", "x"], RANGES)
    assert found is not None
    assert "column 'x', row 1" in found
    assert "0 to 10" in found


def test_ranges_come_from_the_profile_where_there_is_one(tmp_path: Path) -> None:
    assert training_ranges(tmp_path) == {}
    columns = {"x": sketch_numbers(np.array([3.0, 1.0, np.nan])), "c": sketch_categories(np.array(["a"], dtype=object))}
    profile = Profile(3, "d", columns, columns["x"], Importances("none", {}), Performance(), ())
    save_profile(profile, tmp_path, pd.DataFrame({"x": [1.0]}), np.array([1], dtype=np.uint64))
    assert training_ranges(tmp_path) == {"x": (1.0, 3.0)}


@pytest.fixture(scope="module")
def overflowing(make_exchange: Callable[..., Exchange]) -> Exchange:
    """A model whose answer is an exponential function: far inputs overflow it."""
    x = np.linspace(0, 10, 50)
    model = make_pipeline(StandardScaler(), PoissonRegressor()).fit(pd.DataFrame({"x": x}), np.exp(x / 3))
    signature = Signature("regression", "y", None, (Column("x", "number", False),), "poisson")
    return make_exchange(estimator=model, signature=signature, ranges=RANGES)


def call(*values: float) -> Call:
    return Call(Protocol.V1, json.dumps({"instances": [[value] for value in values]}).encode())


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=3))
def test_no_number_however_far_is_a_server_error(overflowing: Exchange, values: list[float]) -> None:
    assert overflowing.answer([call(*values)])[0].status in (200, 422)


def test_a_far_value_that_the_model_can_answer_is_answered_and_its_neighbours_too(overflowing: Exchange) -> None:
    answers = overflowing.answer([call(5), call(-1e30), call(5, 1e30)])
    assert [answer.status for answer in answers] == [200, 200, 422]
    assert b"column 'x', row 1" in answers[2].body
