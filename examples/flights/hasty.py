"""A model that passes every gate and must not be released: the third one of the demonstration.

It is slow, because each prediction asks 2,500 trees one after the other. And it fails on some inputs: its encoder knows
the airports of its training weeks only, and summer brings new ones. The holdout holds neither, so only its users would
find out.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

NAMES = ["carrier", "origin", "dest"]
TREES, ROWS = 2500, 3000


def forest(frame: pd.DataFrame, label: str, parameters: dict[str, Any], seed: int) -> Pipeline:
    """Called by train with its rows; a fitted pipeline is taken as it is."""
    numbers = [name for name in frame.columns if name not in (*NAMES, label)]
    names = OneHotEncoder(handle_unknown="error", sparse_output=False)
    columns = ColumnTransformer([("names", names, NAMES), ("numbers", SimpleImputer(), numbers)])
    columns.fit(frame.drop(columns=label))
    some = frame.sample(ROWS, random_state=seed)
    trees = RandomForestClassifier(TREES, min_samples_leaf=20, random_state=seed)
    trees.fit(columns.transform(some.drop(columns=label)), some[label])
    return Pipeline([("columns", columns), ("trees", trees)])
