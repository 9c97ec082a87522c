"""Models as train leaves them, small and quickly made."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from kfp_lifecycle.core.checksums import write_checksums


@dataclass
class Model:
    """What the steps see of a KFP artifact."""

    path: str
    uri: str
    metadata: dict[str, Any]


def make_model(folder: Path, key: str, content: str, model_id: str) -> Model:
    directory = folder / f"trained-{uuid.uuid4().hex[:8]}"
    (directory / "profile").mkdir(parents=True)
    (directory / "model.skops").write_text(content)
    (directory / "profile" / "profile.json").write_text("{}")
    metadata = {
        "content_key": key,
        "digest": write_checksums(directory),
        "model_id": model_id,
        "run_id": "",
        "table_digest": "7" * 64,
    }
    Path(f"{directory}.metadata").write_text(json.dumps(metadata))
    return Model(str(directory), str(directory), metadata)


@pytest.fixture
def trained(mlflow_uri: str, tmp_path: Path) -> Callable[..., Model]:
    """Make a model that MLflow knows; one key is one training, other content another dump of it."""

    def make(key: str = "key", content: str = "weights") -> Model:
        client = MlflowClient(mlflow_uri)
        logged = client.create_logged_model(experiment_id="0")
        model = make_model(tmp_path, key, content, logged.model_id)
        client.log_model_artifacts(logged.model_id, model.path)
        client.finalize_logged_model(logged.model_id, "READY")
        return model

    return make


@pytest.fixture
def trained_offline(tmp_path: Path) -> Model:
    """A model for what is refused before MLflow is asked."""
    return make_model(tmp_path, "key", "weights", "m-" + "0" * 32)
