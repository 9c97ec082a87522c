"""The whole way with nothing stood in: a fitted model, register, deploy, the real predictor, one request, its log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from kfp_lifecycle.components.deployment.deployment import deploy
from kfp_lifecycle.components.registration.registration import register
from kfp_lifecycle.core.model import save_model
from kfp_lifecycle.core.signature import Column, Signature
from kfp_lifecycle.local.testing import local_cluster

__all__ = ["local_cluster"]


@pytest.fixture
def model(tmp_path: Path, file: Any, mlflow_uri: str) -> Any:
    """A model as train leaves it."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"age": random.normal(size=80), "plan": random.choice(["a", "b"], 80)})
    encoder = make_column_transformer((OneHotEncoder(), ["plan"]), remainder="passthrough")
    fitted = make_pipeline(encoder, LogisticRegression()).fit(frame, (frame.age > 0).astype(int))
    columns = (Column("age", "number", False), Column("plan", "category", False))
    signature = Signature("classification", "left", (0, 1), columns, "sklearn.linear_model.LogisticRegression")
    digest = save_model(tmp_path / "model", fitted, signature, frame.head())
    client = MlflowClient(mlflow_uri)
    logged = client.create_logged_model(experiment_id="0")
    client.finalize_logged_model(logged.model_id, "READY")
    metadata = {"digest": digest, "content_key": digest, "model_id": logged.model_id}
    return file(str(tmp_path / "model"), "", metadata)


def test_a_trained_model_is_registered_released_and_answers_and_logs_what_it_answered(
    model, registered, local_cluster, file, tmp_path, monkeypatch
):
    cluster = local_cluster(payload_log=True)
    for name, value in {**cluster.environment(), "MLFLOW_TRACKING_URI": registered.client.tracking_uri}.items():
        monkeypatch.setenv(name, value)
    version, uri, digest = register(model, registered.name, run_id="run-1")
    assert uri.startswith("file://")
    decision, report = file(str(tmp_path / "decision.json")), file(str(tmp_path / "report.html"))
    service = {"service": registered.name, "model_name": registered.name, "run_id": "run-1"}
    (outcome,) = deploy(version=version, uri=uri, digest=digest, decision=decision, report=report, **service)
    assert outcome == "first_release", Path(decision.path).read_text()
    row = [{"name": "age", "shape": [1], "datatype": "FP64", "data": [2.5]},
           {"name": "plan", "shape": [1], "datatype": "BYTES", "data": ["a"]}]  # fmt: skip
    answer = cluster.send(registered.name, {"inputs": row})
    assert (answer.status, answer.headers["x-model-version"]) == (200, "1")
    assert answer.json()["outputs"][0]["data"] == [1]
    folder = cluster.state.payloads / registered.name
    cluster.wait(lambda: answer.headers["x-request-id"] in logged_rows(folder), "the row in the log")
    # The example that deploy probed with is not there.
    [row] = logged_rows(folder).values()
    assert (row["age"], row["plan"], row["_prediction"], row["_model_version"]) == (2.5, "a", "1", "1")
    assert 0.5 < row["_score"] < 1
    assert row["_revision"] == answer.revision


def logged_rows(folder: Path) -> dict[str, dict[str, Any]]:
    """The rows in the log by request id."""
    parts = [path for path in folder.rglob("*.parquet") if not path.name.startswith(".")]
    return {row["_request_id"]: row for part in parts for row in pq.ParquetFile(part).read().to_pylist()}
