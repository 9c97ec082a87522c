"""Sealed models, holdouts and a registry for tests of the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from mlflow import MlflowClient
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from kfp_lifecycle.adapters import mlflow_registry, object_store
from kfp_lifecycle.core.model import save_model
from kfp_lifecycle.core.profile import Importances, Performance, Profile, save_profile
from kfp_lifecycle.core.rows import row_hashes
from kfp_lifecycle.core.signature import Column, Signature
from kfp_lifecycle.core.sketches import sketch_categories, sketch_numbers
from kfp_lifecycle.core.table import write_table


@dataclass
class Stored:
    """What a step sees of a KFP artifact."""

    path: str
    uri: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def make_rows(count: int, seed: int, noise: float = 1.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, count))
    score = a + 0.7 * b + random.normal(0, noise, count)
    return pd.DataFrame(
        {"id": [f"{seed}-{row}" for row in range(count)], "a": a, "b": b, "late": score > 0, "minutes": score}
    )


@pytest.fixture
def rows() -> Callable[..., pd.DataFrame]:
    """``make_rows``."""
    return make_rows


@pytest.fixture
def store(tmp_path: Path) -> Callable[[pd.DataFrame], Stored]:
    """Store a frame as a table."""

    def write(frame: pd.DataFrame) -> Stored:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        path = tmp_path / f"holdout-{len(list(tmp_path.iterdir()))}"
        info = write_table(table.to_batches(), table.schema, path)
        return Stored(str(path), metadata=info.to_metadata())

    return write


@pytest.fixture
def seal(tmp_path: Path) -> Callable[..., Stored]:
    """Fit an estimator and seal it as train would."""

    def make(
        frame: pd.DataFrame,
        estimator: Any = None,
        label: str = "late",
        columns: tuple[str, ...] = ("a", "b"),
        inputs: pd.DataFrame | None = None,
    ) -> Stored:
        regression = label == "minutes"
        estimator = estimator if estimator is not None else LogisticRegression()
        inputs = frame[list(columns)] if inputs is None else inputs
        fitted = estimator.fit(inputs, frame[label])
        classes = None if regression else tuple(sorted(frame[label].unique().tolist()))
        signature = Signature(
            "regression" if regression else "classification",
            label,
            classes,
            tuple(Column(name, "number", False) for name in columns),
            "sklearn.linear_model.LogisticRegression",
            classes[1] if classes and len(classes) == 2 else None,
        )
        values = frame[label].to_numpy()
        profile = Profile(
            rows=len(frame),
            table_digest="t",
            columns={name: sketch_numbers(frame[name].to_numpy()) for name in columns},
            label=sketch_numbers(values) if regression else sketch_categories(values),
            importances=Importances("none", {}),
            performance=Performance(note="none"),
            hashed_columns=tuple(sorted(frame.columns)),
        )
        path = tmp_path / f"model-{len(list(tmp_path.iterdir()))}"
        save_profile(profile, path, frame, row_hashes(frame, list(frame.columns)))
        return Stored(str(path), metadata={"digest": save_model(path, fitted, signature, inputs)})

    return make


@pytest.fixture
def crown(mlflow_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Export a sealed model, register it and let an alias name it; its version."""
    root = tmp_path / "models-root"
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", str(root))

    def make(model: Stored, alias: str = "champion", name: str = "people") -> str:
        digest = model.metadata["digest"]
        object_store.put_directory(model.path, f"{root}/{name}/{digest}")
        client = MlflowClient(mlflow_store)
        logged = client.create_logged_model(experiment_id="0")
        client.finalize_logged_model(logged.model_id, "READY")
        version = mlflow_registry.register(
            client,
            name,
            digest,
            model_id=logged.model_id,
            run_id="",
            tags={mlflow_registry.URI: f"file://{root}/{name}/{digest}", mlflow_registry.DIGEST: digest},
        )
        mlflow_registry.set_alias(client, name, alias, version.version)
        return version.version

    return make


@pytest.fixture
def boosting() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=20, random_state=0)
