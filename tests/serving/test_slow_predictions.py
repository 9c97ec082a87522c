"""Readiness does not wait for a prediction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from kfp_lifecycle.core.model import Column, Signature, save_model

ROWS = 2_000


def test_readiness_answers_while_a_prediction_runs(serve: Any, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(ROWS, 2)), columns=["x", "y"])
    slow = Pipeline(
        [("scale", StandardScaler()), ("near", KNeighborsClassifier(n_neighbors=1000, algorithm="kd_tree"))]
    )
    slow.fit(frame, (frame["x"] > 0).to_numpy())
    columns = tuple(Column(name, "number", False) for name in frame)
    save_model(tmp_path / "model", slow, Signature("classification", "z", (False, True), columns, "knn"), frame)
    with serve(tmp_path / "model") as server:
        connection = server.connect()
        body = json.dumps({"instances": frame.round(3).to_numpy().tolist()})
        connection.request("POST", "/v1/models/flights:predict", body, {"content-type": "application/json"})
        connection.sock.setblocking(False)
        probes = 0
        while True:
            try:
                connection.sock.recv(1, 2)  # MSG_PEEK
                break
            except BlockingIOError:
                assert server.call("GET", "/v2/models/flights/ready")[0] == 200
                probes += 1
        connection.sock.setblocking(True)
        answer = connection.getresponse()
        assert answer.status == 200
        assert len(json.loads(answer.read())["predictions"]) == ROWS
        connection.close()
    # On the event loop the first probe would have waited for the prediction, and been the only one.
    assert probes > 5
