"""Champions, tables and the three steps of a batch prediction, with a real registry and real models."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression, LogisticRegression

from kfp_lifecycle.adapters import mlflow_registry, object_store
from kfp_lifecycle.components.joining.joining import join
from kfp_lifecycle.components.scoring.scoring import score
from kfp_lifecycle.components.sharding.sharding import shard
from kfp_lifecycle.core.model import save_model
from kfp_lifecycle.core.signature import Column, Signature
from kfp_lifecycle.core.table import read_frame, write_table

START = pd.Timestamp("2024-03-01", tz="UTC")


@dataclass
class Stored:
    """What a step sees of a KFP artifact."""

    path: str
    uri: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class Joined:
    """What join answered."""

    uri: str
    version: str
    rows: int
    digest: str
    predicted: int
    table: Stored

    @property
    def frame(self) -> pd.DataFrame:
        return read_frame(self.table.path)


def people(rows: int, seed: int = 0) -> pd.DataFrame:
    """Rows with a name of their own, two inputs, one of them with gaps, a class, a number and a time."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, rows))
    return pd.DataFrame(
        {
            "id": [f"{seed}-{row}" for row in range(rows)],
            "at": START + pd.to_timedelta(np.arange(rows), unit="min"),
            "a": a,
            "b": np.where(random.random(rows) < 0.1, np.nan, b),
            "late": a > 0,
            "size": np.array(["small", "medium", "large"])[(a > -0.5).astype(int) + (a > 0.5)],
            "minutes": 10 * a,
        }
    )


class Scene:
    """A models root, a registry and what the steps need of KFP."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder, self.output = folder, str(folder / "output")
        self._client, self._numbers = MlflowClient(store), itertools.count()

    def crown(self, weight: float = 1.0, label: str = "late", alias: str = "champion") -> str:
        """Seal, export and register a model, and let the alias name it; its version."""
        frame = people(400, 99).fillna({"b": 0.0})
        inputs = frame[["a"]].assign(b=frame["b"] * weight)
        regression = label == "minutes"
        fitted = (LinearRegression() if regression else LogisticRegression()).fit(inputs, frame[label])
        classes = None if regression else tuple(sorted(frame[label].unique().tolist()))
        signature = Signature(
            task="regression" if regression else "classification",
            label=label,
            classes=classes,
            columns=(Column("a", "number", False), Column("b", "number", True)),
            estimator="sklearn.linear_model.LogisticRegression",
            positive_class=classes[1] if classes and len(classes) == 2 else None,
        )
        model = self.folder / f"model-{next(self._numbers)}"
        digest = save_model(model, _coping(fitted), signature, inputs)
        place = self.folder / "models" / "people" / digest
        object_store.put_directory(model, str(place))
        logged = self._client.create_logged_model(experiment_id="0")
        self._client.finalize_logged_model(logged.model_id, "READY")
        made = mlflow_registry.register(
            self._client,
            "people",
            digest,
            model_id=logged.model_id,
            run_id="",
            tags={mlflow_registry.URI: place.as_uri(), mlflow_registry.DIGEST: digest},
        )
        if alias:
            mlflow_registry.set_alias(self._client, "people", alias, made.version)
        return made.version

    def store(self, rows: pd.DataFrame | pa.Table) -> Stored:
        """Rows as a table."""
        content = pa.Table.from_pandas(rows, preserve_index=False) if isinstance(rows, pd.DataFrame) else rows
        path = self.folder / f"table-{next(self._numbers)}"
        info = write_table(content.to_batches(), content.schema.remove_metadata(), path)
        return Stored(str(path), metadata=info.to_metadata())

    def shard(self, table: Stored, **arguments: Any) -> tuple[Stored, list[str]]:
        plan = Stored(str(self.folder / f"plan-{next(self._numbers)}.json"))
        values = {"model_name": "people", "output_uri": self.output, "time_column": "at", **arguments}
        return plan, shard(table=table, plan=plan, **values)

    def join(self, table: Stored, plan: Stored, predicted: list[int] | None = None) -> Joined:
        predictions = Stored(str(self.folder / f"predictions-{next(self._numbers)}"))
        return Joined(*join(table=table, plan=plan, predictions=predictions, predicted=predicted or []), predictions)

    def run(self, table: Stored, **arguments: Any) -> Joined:
        """All three steps, as the pipeline calls them."""
        plan, shards = self.shard(table, **arguments)
        return self.join(table, plan, [score(table, plan, each)[1] for each in shards])


def _coping(fitted: Any) -> Any:
    """The estimator behind one that fills gaps, as train would build it."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline

    filler = SimpleImputer(strategy="constant", fill_value=0.0).set_output(transform="pandas")
    filler.fit(pd.DataFrame({"a": [0.0], "b": [0.0]}))
    return Pipeline([("fill", filler), ("model", fitted)])


@pytest.fixture
def scene(tmp_path: Path, mlflow_store: str, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", str(tmp_path / "models"))
    return Scene(tmp_path, mlflow_store)
