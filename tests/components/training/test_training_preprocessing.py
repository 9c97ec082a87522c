"""Pipelines take mixed columns in every type that the serving side builds."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from kfp_lifecycle.components.training.preprocessing import make_pipeline_for, spare_second_encoding
from kfp_lifecycle.core.inputs import model_inputs
from kfp_lifecycle.core.signature import Column, Signature

ROWS = 900
RANDOM = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "number": RANDOM.normal(size=ROWS),
        "whole": RANDOM.integers(0, 9, ROWS),
        "flag": RANDOM.random(ROWS) < 0.5,
        "few": RANDOM.choice(["x", "y", "z"], ROWS),
        "many": RANDOM.choice([f"v{i}" for i in range(60)], ROWS),
        "crowd": [f"c{i % 400}" for i in range(ROWS)],
    }
)
HOLES = FRAME.assign(
    number=FRAME["number"].where(np.arange(ROWS) % 7 > 0),
    flag=FRAME["flag"].astype(object).where(np.arange(ROWS) % 5 > 0, None),
    few=FRAME["few"].where(np.arange(ROWS) % 4 > 0, None),
)
LABEL = (FRAME["whole"] > 4) ^ (FRAME["few"] == "x")
TYPES = {"number": "number", "whole": "integer", "flag": "boolean"}
ESTIMATORS = [
    HistGradientBoostingClassifier(max_iter=5),
    HistGradientBoostingRegressor(max_iter=5),
    RandomForestClassifier(5),
    ExtraTreesRegressor(5),
    GradientBoostingClassifier(n_estimators=5),
    DecisionTreeClassifier(),
    AdaBoostClassifier(n_estimators=3),
    LogisticRegression(max_iter=1000),
    Ridge(),
    KNeighborsClassifier(),
    MultinomialNB(),
    SVC(),
]


def named(estimator) -> str:
    return type(estimator).__name__


def signature(names) -> Signature:
    columns = tuple(Column(name, TYPES.get(name, "category"), True) for name in names)
    return Signature("classification", "late", (False, True), columns, "sklearn.x")


def fit(estimator, frame: pd.DataFrame):
    columns = signature(frame.columns)
    inputs = model_inputs(frame, columns)
    target = LABEL.to_numpy() if is_classifier(estimator) else LABEL.to_numpy(dtype=float)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return make_pipeline_for(clone(estimator), inputs, columns.columns).fit(inputs, target), inputs


def as_served(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers as floats, the rest as objects with None for missing: what comes out of a request."""
    return pd.DataFrame(
        {
            name: values.astype(float)
            if name in ("number", "whole")
            else values.astype(object).where(values.notna(), None)
            for name, values in frame.items()
        }
    )


@pytest.mark.parametrize("names", [list(FRAME), ["number", "whole", "flag"], ["few", "many"]], ids=len)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=named)
def test_every_type_of_the_same_rows_gets_the_same_answer(estimator, names):
    model, inputs = fit(estimator, HOLES[names])
    expected = model.predict(inputs)
    for frame in (as_served(HOLES[names]), as_served(HOLES[names]).astype(object)):
        assert (model.predict(frame) == expected).all()
    whole, _ = fit(estimator, FRAME[names])
    plain = FRAME[names]
    assert (whole.predict(plain) == whole.predict(model_inputs(plain, signature(names)))).all()
    one = [whole.predict(plain.iloc[[row]])[0] for row in range(5)]
    assert np.allclose(np.array(one, dtype=float), whole.predict(plain.iloc[:5]).astype(float))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=named)
def test_unknown_and_missing_categories_are_answered_alike(estimator):
    model, inputs = fit(estimator, FRAME)
    rows = inputs.iloc[:20]
    never, missing = rows.assign(few="never seen"), rows.assign(few=np.full(20, np.nan, dtype=object))
    assert (model.predict(never) == model.predict(missing)).all()
    assert (model.predict(rows.assign(few=np.full(20, None))) == model.predict(missing)).all()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=named)
def test_values_that_training_never_missed_may_be_missing_later(estimator):
    model, inputs = fit(estimator, FRAME)
    empty = pd.DataFrame({name: np.full(3, np.nan, dtype=values.dtype) for name, values in inputs.items()})
    assert len(model.predict(empty)) == 3


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=named)
def test_columns_in_another_order_are_never_mixed_up(estimator):
    model, inputs = fit(estimator, FRAME)
    swapped = inputs[list(reversed(inputs.columns))]
    try:
        answers = model.predict(swapped)
    except ValueError as error:
        assert "feature names" in str(error)
    else:
        assert (answers == model.predict(inputs)).all()


def test_boosting_splits_sets_of_categories():
    model, _ = fit(HistGradientBoostingClassifier(max_iter=5), FRAME[["number", "few", "many"]])
    assert model[-1].is_categorical_.tolist() == [True, True, False]
    plain, _ = fit(HistGradientBoostingClassifier(max_iter=5), FRAME[["number"]])
    assert [name for name, _ in plain.steps] == ["model"]


def test_boosting_answers_as_scikit_learns_own_support_for_categories_does():
    frame = HOLES[["few", "many", "number"]]
    ours, inputs = fit(HistGradientBoostingClassifier(max_iter=20), frame)
    theirs = HistGradientBoostingClassifier(max_iter=20, categorical_features=["few", "many"]).fit(inputs, LABEL)
    assert np.abs(ours.predict_proba(inputs) - theirs.predict_proba(inputs)).max() < 1e-9


def test_boosting_keeps_the_most_frequent_of_too_many_categories():
    for bins, kept in ((255, 255), (32, 32)):
        model, _ = fit(HistGradientBoostingClassifier(max_iter=5, max_bins=bins), FRAME[["crowd", "number"]])
        assert len(model[0].named_transformers_["categories"].categories_[0]) == kept


def test_categories_are_numbered_once_and_the_answers_stay_the_same():
    model, inputs = fit(HistGradientBoostingClassifier(max_iter=5), HOLES[["few", "many", "number"]])
    before = model.predict_proba(inputs)
    assert model[-1]._preprocessor is not None
    spare_second_encoding(model, inputs)
    assert model[-1]._preprocessor is None
    assert (model.predict_proba(inputs) == before).all()


def test_an_encoder_that_does_something_stays():
    model, inputs = fit(HistGradientBoostingClassifier(max_iter=5), HOLES[["few", "many", "number"]])
    model[-1]._preprocessor.named_transformers_["encoder"].categories_[0][:3] += 1
    before = model.predict_proba(inputs)
    spare_second_encoding(model, inputs)
    assert model[-1]._preprocessor is not None
    assert (model.predict_proba(inputs) == before).all()


def test_categories_that_the_user_chose_are_left_alone():
    model, _ = fit(
        HistGradientBoostingClassifier(max_iter=5, categorical_features=["whole"]), FRAME[["number", "whole"]]
    )
    assert model[-1].is_categorical_.tolist() == [False, True]


def test_trees_get_one_column_per_value_up_to_ten_and_ranks_beyond():
    model, _ = fit(DecisionTreeClassifier(), FRAME[["few", "many"]])
    assert model[0].transform(FRAME[["few", "many"]]).shape[1] == 3 + 1


def test_numbers_alone_go_to_a_tree_as_they_are():
    model, _ = fit(RandomForestClassifier(3), FRAME[["number", "whole"]])
    assert [name for name, _ in model.steps] == ["model"]


def test_others_get_scaled_numbers_and_the_hundred_most_frequent_values():
    model, inputs = fit(LogisticRegression(max_iter=1000), FRAME[["number", "crowd"]])
    encoded = model[0].transform(inputs)
    assert encoded.shape[1] == 1 + 100
    assert abs(encoded[:, 0].mean()) < 1e-9 and encoded[:, 0].std() == pytest.approx(1)
