"""The automatic preprocessor: mixed columns in, what the estimator takes out.

=========================  =====================================  ==================================================
estimator                  numbers, integers, booleans            categories
=========================  =====================================  ==================================================
HistGradientBoosting       as they are, missing stays missing     its own support for the 255 most frequent values
trees and their ensembles  as they are, or the median if missing  up to 10 values one column each, more as one column
                                                                  of ranks by frequency
all others                 median if missing, then scaled         one column for each of the 100 most frequent values
=========================  =====================================  ==================================================

Missing, unknown and rare categories are treated alike: no column is set, or the rank is missing (-1 where the estimator
cannot take missing values). The pipeline is served as it is, so it holds no step that it does not need: a table lookup
per category and one pass over the numbers are what a request of one row pays for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils import get_tags

if TYPE_CHECKING:
    import pandas as pd

    from kfp_lifecycle.core.signature import Column

_TREE_ONE_HOT = 10
_ONE_HOT = 100
_RANKS = 255
_COMPARED = 2_000
_TREES = ("sklearn.tree.", "sklearn.ensemble._forest.", "sklearn.ensemble._gb.", "sklearn.ensemble._iforest.")


def _frequent(values: pd.Series, at_most: int) -> list[Any]:
    """The most frequent values, the most frequent first; ties by name, so that a refit gives the same."""
    counts = values.value_counts(dropna=True)
    return sorted(counts.index, key=lambda value: (-int(counts[value]), value))[:at_most]


def _one_hot(inputs: pd.DataFrame, names: Sequence[str], at_most: int) -> OneHotEncoder:
    return OneHotEncoder(
        categories=[sorted(_frequent(inputs[name], at_most)) for name in names],
        handle_unknown="ignore",
        sparse_output=False,
    )


def _ranks(inputs: pd.DataFrame, names: Sequence[str], at_most: int, unknown: float) -> OrdinalEncoder:
    return OrdinalEncoder(
        categories=[_frequent(inputs[name], at_most) for name in names],
        handle_unknown="use_encoded_value",
        unknown_value=unknown,
    )


def _numbers(estimator: Any, inputs: pd.DataFrame, names: Sequence[str]) -> Any:
    """What numbers need before this estimator sees them."""
    tags = get_tags(estimator)
    is_tree = f"{type(estimator).__module__}.".startswith(_TREES)
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    if is_tree:
        return "passthrough" if tags.input_tags.allow_nan else imputer
    scaler = MinMaxScaler(clip=True) if tags.input_tags.positive_only else StandardScaler()
    return make_pipeline(imputer, scaler)


def _boosting(estimator: Any, inputs: pd.DataFrame, numbers: list[str], categories: list[str]) -> Pipeline:
    """HistGradientBoosting splits sets of categories, given as numbers; it can tell ``max_bins`` of them apart."""
    if not categories:
        return Pipeline([("model", estimator)])
    ranks = _ranks(inputs, categories, estimator.max_bins, np.nan)
    columns = ColumnTransformer([("categories", ranks, categories), ("numbers", "passthrough", numbers)])
    model = estimator.set_params(categorical_features=list(range(len(categories))))
    return Pipeline([("columns", columns), ("model", model)])


def spare_second_encoding(pipeline: Any, inputs: pd.DataFrame) -> None:
    """Take the encoder out of a fitted HistGradientBoosting whose categories our own step has numbered before.

    scikit-learn numbers the numbers again, in each call of ``predict`` and ``predict_proba``: 1 ms of the 4 ms that a
    request of one row with three categories takes, or half where labels and probabilities are asked for. What it does
    is nothing, since every number from 0 up occurs in training; it goes only if the answers stay what they are.
    """
    model = pipeline[-1]
    encoder = getattr(model, "_preprocessor", None)
    if "columns" not in pipeline.named_steps or encoder is None:
        return
    rows = pipeline[:-1].transform(inputs.head(_COMPARED))
    before = model._raw_predict(rows)
    model._preprocessor = None
    if not np.array_equal(before, model._raw_predict(rows)):
        model._preprocessor = encoder


def make_pipeline_for(estimator: Any, inputs: pd.DataFrame, columns: Sequence[Column]) -> Pipeline:
    """An unfitted pipeline that takes ``inputs`` and ends in the estimator.

    Args:
        estimator: unfitted; it becomes part of the pipeline.
        inputs: the training rows as ``core.inputs.model_inputs`` gives them.
        columns: the signature's columns.
    """
    categories = [column.name for column in columns if column.type == "category"]
    numbers = [column.name for column in columns if column.type != "category"]
    own_choice = getattr(estimator, "categorical_features", None) != "from_dtype"
    if isinstance(estimator, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        # Whoever sets categorical_features wants it to hold for the columns as they are.
        return Pipeline([("model", estimator)]) if own_choice else _boosting(estimator, inputs, numbers, categories)
    is_tree = f"{type(estimator).__module__}.".startswith(_TREES)
    few = [name for name in categories if not is_tree or inputs[name].nunique() <= _TREE_ONE_HOT]
    many = [name for name in categories if name not in few]
    unknown = np.nan if get_tags(estimator).input_tags.allow_nan else -1
    steps: list[tuple[str, Any, list[str]]] = []
    if numbers:
        steps.append(("numbers", _numbers(estimator, inputs, numbers), numbers))
    if few:
        steps.append(("categories", _one_hot(inputs, few, _ONE_HOT), few))
    if many:
        # Ranks by frequency cost one lookup; the cap keeps that lookup small.
        steps.append(("ranks", _ranks(inputs, many, _RANKS, unknown), many))
    if not categories and steps[0][1] == "passthrough":
        return Pipeline([("model", estimator)])
    return Pipeline([("columns", ColumnTransformer(steps)), ("model", estimator)])
