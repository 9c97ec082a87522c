"""What `train` calls: a function that takes the rows and gives back a scikit-learn estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

NUMBERS = ["price", "items"]
CATEGORIES = ["region"]


def build(frame: pd.DataFrame, label: str, parameters: dict[str, Any], seed: int) -> Pipeline:
    """An unfitted pipeline, which `train` fits on the columns of the frame without the label.

    Args:
        frame: the chosen columns and the label; numbers are floats with NaN for missing.
        label: the label's name.
        parameters: the JSON object that the run was given.
        seed: for everything random.
    """
    rows = frame[[*NUMBERS, *CATEGORIES]]
    if rows.empty:
        raise ValueError("there are no rows to learn from")
    # Features that are part of the model: callers of the service send what the data has, not what was made of it.
    # Only functions that the predictor can load may be used here, such as numpy's.
    logarithms = Pipeline([("log", FunctionTransformer(np.log1p)), ("scale", StandardScaler())])
    columns = ColumnTransformer(
        [
            ("numbers", logarithms, NUMBERS),
            ("categories", OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
        ]
    )
    model = LogisticRegression(C=float(parameters.get("C", 1.0)), max_iter=500, random_state=seed)
    return Pipeline([("columns", columns), ("model", model)])
