"""The model that the servers are measured with, and the requests.

    python benchmarks/mixed_model.py DIRECTORY

Ten columns, three of them categories; gradient boosting behind a ColumnTransformer, fitted on 20,000 made-up rows.
Writes DIRECTORY/model (a model directory) and DIRECTORY/rows.json (1,000 rows as objects).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from kfp_lifecycle.core.model import Column, Signature, save_model

NUMBERS = ["distance", "hour", "temperature", "humidity", "wind_speed", "pressure", "visibility"]
CATEGORIES = {"carrier": 16, "origin": 3, "dest": 100}
ROWS = 20_000


def made_up_rows(rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({name: random.normal(size=rows).round(3) for name in NUMBERS})
    for name, count in CATEGORIES.items():
        frame[name] = random.choice([f"{name}-{number}" for number in range(count)], rows).astype(object)
    score = frame["wind_speed"] + frame["hour"] * frame["humidity"] + (frame["carrier"] < "carrier-3")
    return frame, (score + random.normal(size=rows) > 0.5).to_numpy().astype(int)


def pipeline() -> Pipeline:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = ColumnTransformer([("numbers", "passthrough", NUMBERS), ("categories", encoder, list(CATEGORIES))])
    return Pipeline([("columns", columns), ("estimator", HistGradientBoostingClassifier(random_state=0))])


def main() -> None:
    directory = Path(sys.argv[1])
    frame, labels = made_up_rows(ROWS)
    signature = Signature(
        task="classification",
        label="late",
        classes=(0, 1),
        columns=tuple(Column(name, "category" if name in CATEGORIES else "number", False) for name in frame),
        estimator="sklearn.ensemble.HistGradientBoostingClassifier",
        positive_class=1,
    )
    save_model(directory / "model", pipeline().fit(frame, labels), signature, frame)
    (directory / "rows.json").write_text(json.dumps(frame.head(1000).to_dict("records")))


if __name__ == "__main__":
    main()
