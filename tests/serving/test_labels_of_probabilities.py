"""Labels that are read off the probabilities are those that the model itself gives, ties and all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from kfp_lifecycle.core.model import Column, Signature
from kfp_lifecycle.serving.estimator import ServedEstimator
from kfp_lifecycle.serving.predictions import LABELS, PROBABILITIES

TOGETHER = [
    HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5),
    GradientBoostingClassifier(n_estimators=5),
    RandomForestClassifier(n_estimators=4, random_state=0),
    ExtraTreesClassifier(n_estimators=4, random_state=0),
    DecisionTreeClassifier(max_depth=2),
    LogisticRegression(),
]


def served(estimator: Any, classes: int, seed: int) -> tuple[ServedEstimator, Any]:
    """A model of few, coarse values, so that ties come up."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.integers(0, 3, (60, 2)).astype(float), columns=["a", "b"])
    labels = np.array(["p", "q", "r"])[(frame["a"].astype(int) + random.integers(0, classes, 60)) % classes]
    fitted = estimator.fit(frame, labels)
    columns = (Column("a", "number", False), Column("b", "number", False))
    signature = Signature("classification", "y", tuple(sorted(set(labels))), columns, "x")
    return ServedEstimator(fitted, signature), fitted


@pytest.mark.parametrize("estimator", TOGETHER, ids=lambda one: type(one).__name__)
@given(classes=st.sampled_from([2, 3]), seed=st.integers(0, 1000), rows=st.lists(st.integers(-1, 3), min_size=1))
@settings(max_examples=8, deadline=None)
def test_they_are_equal_for_every_estimator_that_is_asked_once(
    estimator: Any, classes: int, seed: int, rows: list[int]
) -> None:
    model, fitted = served(estimator, classes, seed)
    assert model.together
    frame = pd.DataFrame({"a": np.array(rows, dtype=float), "b": np.array(rows[::-1], dtype=float)})
    found = model.predict(frame, (LABELS, PROBABILITIES))
    assert found.labels is not None
    assert found.labels.tolist() == fitted.predict(frame).tolist()
    assert found.labels.dtype == fitted.predict(frame).dtype


def test_a_tie_is_left_to_the_model() -> None:
    frame = pd.DataFrame({"a": [0.0] * 4, "b": [0.0] * 4})
    signature = Signature("classification", "y", ("p", "q"), (Column("a", "number", False),), "x")
    for estimator in (GradientBoostingClassifier(n_estimators=1), HistGradientBoostingClassifier(max_iter=1)):
        fitted = estimator.fit(frame, ["p", "q", "p", "q"])
        found = ServedEstimator(fitted, signature).predict(frame, (LABELS, PROBABILITIES))
        assert found.probabilities is not None
        assert found.probabilities.tolist() == [[0.5, 0.5]] * 4
        assert found.labels is not None
        assert found.labels.tolist() == fitted.predict(frame).tolist()


@pytest.mark.parametrize("estimator", [CalibratedClassifierCV(LogisticRegression(), cv=2), SVC()])
def test_other_estimators_are_asked_for_both(estimator: Any) -> None:
    model, _ = served(estimator, 2, 0)
    assert not model.together
