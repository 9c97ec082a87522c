"""Forged trees are found before they are followed."""

import numpy as np
import pytest
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from kfp_lifecycle.core.trees import ForgedTreeError, check_trees

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 4))
X[:, 3] = RANDOM.integers(0, 5, 200)
Y = (X[:, 0] + (X[:, 3] == 2) > 0).astype(int)


def boosted():
    return HistGradientBoostingClassifier(max_iter=3, categorical_features=[3]).fit(X, Y)


def tree_with(**changes):
    """A fitted tree whose state was written over, as a forged file would."""
    model = DecisionTreeClassifier().fit(X, Y)
    _, arguments, state = model.tree_.__reduce__()
    nodes = state["nodes"].copy()
    for name, (place, value) in changes.items():
        nodes[name][place] = value
    forged = type(model.tree_)(*arguments)
    forged.__setstate__(state | {"nodes": nodes})
    model.tree_ = forged
    return model


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(),
        RandomForestClassifier(5),
        ExtraTreesClassifier(5),
        GradientBoostingClassifier(n_estimators=5),
        BaggingClassifier(n_estimators=5, max_features=0.5),
        AdaBoostClassifier(n_estimators=5),
        HistGradientBoostingClassifier(max_iter=5, categorical_features=[3]),
        make_pipeline(StandardScaler(), RandomForestClassifier(3, max_leaf_nodes=9)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_trees_as_they_are_grown_pass(model):
    check_trees(model.fit(X, Y))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"left_child": (0, 10_000)}, "not below it"),
        ({"right_child": (0, 10_000)}, "not below it"),
        ({"right_child": (0, 0)}, "not below it"),
        ({"left_child": (0, -7)}, "not below it"),
        ({"feature": (0, 4)}, "a column that the model does not have"),
        ({"feature": (0, -3)}, "a column that the model does not have"),
    ],
)
def test_a_tree_that_points_outside_itself_is_refused(changes, message):
    with pytest.raises(ForgedTreeError, match=message):
        check_trees(tree_with(**changes))


def test_a_tree_in_a_forest_may_not_ask_for_more_columns_than_the_forest_takes():
    forest = RandomForestClassifier(3).fit(X[:, :2], Y)
    check_trees(forest)
    forest.estimators_[1] = DecisionTreeClassifier().fit(X[:, ::-1], Y)
    with pytest.raises(ForgedTreeError, match="a column that the model does not have"):
        check_trees({"step": [forest]})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("left", 10_000, "not below it"),
        ("right", 0, "not below it"),
        ("feature_idx", 4, "a column that the model does not have"),
        ("feature_idx", -1, "a column that the model does not have"),
        ("bitset_idx", 100, "categories that it does not have"),
    ],
)
def test_a_boosted_tree_that_points_outside_itself_is_refused(name, value, message):
    model = boosted()
    predictors = [tree for round_ in model._predictors for tree in round_]
    wanted = "is_categorical" if name == "bitset_idx" else None
    for predictor in predictors:
        nodes = predictor.nodes
        places = np.flatnonzero((nodes["is_leaf"] == 0) & (nodes[wanted] == 1 if wanted else True))
        if len(places):
            nodes[name][places[0]] = value
            break
    with pytest.raises(ForgedTreeError, match=message):
        check_trees(model)
