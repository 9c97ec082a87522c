"""A champion that the library's own steps trained and registered in the MLflow of a local cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient
from tests.components.monitoring.conftest import WEEKS, Stored, Trained, make_rows

from kfp_lifecycle.components.registration.registration import register
from kfp_lifecycle.components.training.training import train
from kfp_lifecycle.core.table import write_frame
from kfp_lifecycle.local.cluster import Cluster


def trained_champion(cluster: Cluster, name: str, folder: Path) -> Trained:
    """Train it on the made-up weeks, and give it the alias; what it needs is written to ``folder``."""
    environment = cluster.environment()
    with pytest.MonkeyPatch.context() as patch:
        for setting, value in environment.items():
            patch.setenv(setting, value)
        table, model = Stored(str(folder / "table")), Stored(str(folder / "model"))
        table.metadata = write_frame(make_rows(0, WEEKS, seed=1), table.path).to_metadata()
        train(
            table=table,
            model=model,
            metrics=Stored(""),
            model_name=name,
            label="late",
            estimator="sklearn.linear_model.LogisticRegression",
            exclude=["id", "at"],
            time_column="at",
        )
        version = register(model, name)[0]
    MlflowClient(cluster.mlflow_url).set_registered_model_alias(name, "champion", version)
    return Trained(name, version, Path(model.path), environment, Path(table.path))
