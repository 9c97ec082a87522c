"""The model that wants to be registered, as its artifact describes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.checksums import ChecksumError, verify_checksums
from kfp_lifecycle.core.errors import InputError

# It becomes part of a search in MLflow, whose filters know no escaping.
_CONTENT_KEY = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True)
class Candidate:
    """What train left in the artifact's metadata.

    Attributes:
        content_key: identity of the training.
        digest: identity of the bytes.
        model_id: the MLflow LoggedModel, ``m-...``.
        mlflow_run_id: the MLflow run that logged it.
    """

    content_key: str
    digest: str
    model_id: str
    mlflow_run_id: str
    table_digest: str


def read_candidate(model: Artifact) -> Candidate:
    """Check the model directory against its checksums and its metadata.

    Raises:
        InputError: metadata is missing, or a file was changed, added or removed.
    """
    for name in ("content_key", "digest", "model_id"):
        if not model.metadata.get(name):
            raise InputError(
                "model",
                dict(model.metadata),
                f"a model whose metadata holds {name}",
                "Pass on the model output of train.",
            )
    content_key = str(model.metadata["content_key"])
    if not _CONTENT_KEY.fullmatch(content_key):
        raise InputError("model", content_key, "a content key as train makes it", "Pass on the model output of train.")
    digest = str(model.metadata["digest"])
    try:
        verify_checksums(model.path, digest)
    except ChecksumError as error:
        raise InputError(
            "model", model.uri or model.path, "the files that train wrote", f"{error}. Train again."
        ) from error
    return Candidate(
        content_key=content_key,
        digest=digest,
        model_id=str(model.metadata["model_id"]),
        mlflow_run_id=str(model.metadata.get("run_id") or ""),
        table_digest=str(model.metadata.get("table_digest") or ""),
    )
