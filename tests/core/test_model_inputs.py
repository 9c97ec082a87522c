"""The frame a model takes is the same, whatever types its rows come in."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.svm import SVC

from kfp_lifecycle.core.answers import answers_of, truth_of
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.inputs import input_values, model_inputs
from kfp_lifecycle.core.signature import Column, Signature

COLUMNS = (Column("a", "number", True), Column("s", "category", True))


def signature(classes=("n", "y")) -> Signature:
    task = "regression" if classes is None else "classification"
    return Signature(task, "label", classes, COLUMNS, "sklearn.x")


@pytest.mark.parametrize(
    "values",
    [
        [1, 0, 1],
        [1.0, 0.0, 1.0],
        [True, False, True],
        pd.array([1, 0, 1], dtype="Int64"),
        pd.array([True, False, True], dtype="boolean"),
        np.array([True, False, True], dtype=object),
        [Decimal(1), Decimal(0), Decimal(1)],
    ],
    ids=["int", "float", "bool", "Int64", "boolean", "object", "decimal"],
)
def test_numbers_of_every_kind_become_the_same_floats(values):
    found = input_values(pd.DataFrame({"a": values}), Column("a", "number", False))
    assert found.dtype == np.float64 and found.tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "values", [[None, 1.0], pd.array([None, 1], dtype="Int64"), np.array([None, True], dtype=object)]
)
def test_what_is_missing_becomes_nan(values):
    found = input_values(pd.DataFrame({"a": values}), Column("a", "number", True))
    assert np.isnan(found[0]) and found[1] == 1.0
    texts = input_values(pd.DataFrame({"a": ["x", None]}), Column("a", "category", True))
    assert texts[0] == "x" and isinstance(texts[1], float) and np.isnan(texts[1])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2"], "number"),
        ([1, 2], "category"),
        (pd.to_datetime(["2013-01-01"] * 2), "number"),
        ([1, "x"], "number"),
        ([1, "x"], "category"),
    ],
)
def test_another_type_than_the_models_is_refused_by_column(values, kind):
    with pytest.raises(InputError, match=rf"^a='.*': expected values of type {kind}"):
        input_values(pd.DataFrame({"a": values}), Column("a", kind, False))


def test_columns_come_in_the_signatures_order_and_others_stay_behind():
    frame = pd.DataFrame({"other": [1], "s": ["x"], "a": [2.0]})
    assert list(model_inputs(frame, signature())) == ["a", "s"]


def test_a_missing_column_is_named_with_its_neighbours():
    with pytest.raises(InputError, match=r"columns='a': expected a column of the table"):
        model_inputs(pd.DataFrame({"s": ["x"]}), signature())


def test_truth_is_numbered_in_the_order_of_the_classes():
    assert truth_of(pd.Series(["y", "n", "y"]), signature()).tolist() == [1, 0, 1]
    assert truth_of(pd.Series([1.5, 2.0]), signature(None)).tolist() == [1.5, 2.0]


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        (["y", None], ("n", "y"), "1 missing labels"),
        (["y", "maybe"], ("n", "y"), "maybe.*one of the model's classes"),
        (["y", "n"], None, "expected numbers"),
    ],
)
def test_labels_that_the_model_does_not_know_are_refused(labels, classes, message):
    with pytest.raises(InputError, match=message):
        truth_of(pd.Series(labels), signature(classes))


def test_a_class_that_a_model_never_saw_has_probability_zero():
    inputs = pd.DataFrame({"a": [1.0, 2.0]})
    model = DummyClassifier().fit(inputs, ["a", "c"])
    answers = answers_of(model, inputs, np.array([0, 2]), signature(("a", "b", "c")))
    assert answers.probabilities.tolist() == [[0.5, 0.0, 0.5]] * 2
    assert answers.classes == 3 and answers.ranks is None


def test_a_classifier_without_probabilities_still_ranks():
    inputs = pd.DataFrame({"a": np.arange(20.0)})
    labels = np.where(inputs["a"] > 9, "y", "n")
    answers = answers_of(SVC().fit(inputs, labels), inputs, (inputs["a"] > 9).astype(int).to_numpy(), signature())
    assert answers.probabilities is None and (np.diff(answers.ranks[8:12]) > 0).all()
