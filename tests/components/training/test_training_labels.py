"""What is learned from a label, and when it cannot be."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from kfp_lifecycle.components.training.labels import detect_task, read_target
from kfp_lifecycle.core.errors import InputError

BOOLEANS = pd.Series([True, False] * 10)
TEXTS = pd.Series(["b", "a"] * 10)
WHOLE = pd.Series([2, 1] * 10)
WIDENED = pd.Series([1.0, 0.0] * 10)
NUMBERS = pd.Series(np.linspace(0, 1, 20))


@pytest.mark.parametrize(
    ("task", "labels", "estimator", "expected"),
    [
        ("auto", NUMBERS, RandomForestRegressor(), "regression"),
        ("auto", WHOLE, RandomForestRegressor(), "regression"),
        ("auto", WHOLE, RandomForestClassifier(), "classification"),
        ("auto", BOOLEANS, None, "classification"),
        ("auto", TEXTS, None, "classification"),
        ("auto", WHOLE, None, "classification"),
        ("auto", WIDENED, None, "classification"),
        ("auto", pd.Series(range(21)), None, "regression"),
        ("auto", NUMBERS, None, "regression"),
        ("regression", WHOLE, None, "regression"),
        ("classification", WHOLE, RandomForestClassifier(), "classification"),
    ],
)
def test_the_task_goes_by_the_estimator_and_else_by_the_label(task, labels, estimator, expected):
    assert detect_task(task, labels, estimator) == expected


def test_a_task_that_the_estimator_does_not_do_is_refused():
    with pytest.raises(InputError, match=r"task='regression'.*RandomForestClassifier does.*Choose a Regressor"):
        detect_task("regression", WHOLE, RandomForestClassifier())
    with pytest.raises(InputError, match="task='clustering'"):
        detect_task("clustering", WHOLE, None)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [(BOOLEANS, (False, True)), (TEXTS, ("a", "b")), (WHOLE, (1, 2)), (WIDENED, (0, 1))],
    ids=["booleans", "texts", "whole", "widened"],
)
def test_classes_are_plain_values_in_order(labels, classes):
    target = read_target("late", labels, "classification")
    assert target.classes == classes
    assert [type(value) for value in target.classes] == [type(value) for value in classes]
    assert sorted(set(target.values.tolist())) == list(classes)


@pytest.mark.parametrize(
    ("labels", "task", "message"),
    [
        (BOOLEANS[:9], "classification", "table='9 rows': expected at least 10 rows"),
        (BOOLEANS[:0], "classification", "table='0 rows'"),
        (pd.Series([True, None] * 10), "classification", "label='late'.*10 of 20 have none"),
        (pd.Series([1.0, np.nan] * 10), "regression", "10 of 20 have none"),
        (pd.Series(["a"] * 20), "classification", "at least two classes; every row is 'a'"),
        (pd.Series(["a"] * 19 + ["b"]), "classification", "'b' has one"),
        (NUMBERS, "classification", "classes, not 20 fractions.*Choose a Regressor"),
        (TEXTS, "regression", "numbers, which a regression learns"),
        (pd.Series([1.0] * 20), "regression", "values that differ"),
        (pd.Series([1.0, np.inf] * 10), "regression", "finite numbers"),
        (pd.Series(pd.to_datetime(["2013-01-01"] * 20)), "classification", "not datetime64"),
    ],
)
def test_a_label_that_cannot_be_learned_is_refused(labels, task, message):
    with pytest.raises(InputError, match=message):
        read_target("late", labels, task)
