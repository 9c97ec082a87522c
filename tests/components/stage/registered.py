"""Registered versions, and the artifacts of a step."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from kfp_lifecycle.adapters import mlflow_registry
from kfp_lifecycle.core import checksums
from kfp_lifecycle.core.signature import Column, Signature, save_signature


@dataclass
class Registered:
    """Versions of one model, exported and known to MLflow as register leaves them."""

    folder: Path
    client: MlflowClient
    name: str = field(default_factory=lambda: f"churn-{uuid.uuid4().hex[:6]}")

    def version(self, files: dict[str, str] | None = None) -> dict[str, str]:
        """Register another version; what register returns, as arguments of deploy."""
        draft = self.folder / f"draft-{uuid.uuid4().hex}"
        draft.mkdir()
        columns = (Column("age", "number", True), Column("plan", "category", False))
        save_signature(Signature("classification", "left", (0, 1), columns, "sklearn.dummy.DummyClassifier"), draft)
        (draft / "input_example.json").write_text('{"columns": ["age", "plan"], "data": [[null, "a"], [3, "b"]]}')
        for name, content in {"model.skops": draft.name, **(files or {})}.items():
            (draft / name).write_text(content)
        digest = checksums.write_checksums(draft)
        target = self.folder / "models" / self.name / digest
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.rename(target)
        logged = self.client.create_logged_model(experiment_id="0")
        self.client.finalize_logged_model(logged.model_id, "READY")
        tags = {"kfp-lifecycle.content_key": digest}
        made = mlflow_registry.register(
            self.client,
            self.name,
            digest,
            model_id=logged.model_id,
            run_id="",
            tags={**tags, mlflow_registry.DIGEST: digest, mlflow_registry.URI: target.as_uri()},
        )
        return {"version": made.version, "uri": target.as_uri(), "digest": digest, "model_name": self.name}

    def champion(self) -> str:
        return mlflow_registry.alias_version(self.client, self.name, "champion")


@dataclass
class File:
    """What the step sees of a KFP artifact."""

    path: str
    uri: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
