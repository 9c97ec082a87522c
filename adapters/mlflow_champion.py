"""The champion that MLflow's alias names, and its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kfp_lifecycle.adapters import mlflow_registry, object_store
from kfp_lifecycle.adapters.mlflow_connection import attempt, connect
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.models_root import models_root
from kfp_lifecycle.core.release import CHAMPION, alias
from kfp_lifecycle.core.settings import MODELS_ROOT


@dataclass(frozen=True)
class Champion:
    """A registered version.

    Attributes:
        version: its number.
        uri: where KServe reads it.
        digest: of its model directory.
    """

    version: str
    uri: str
    digest: str


def find_champion(model_name: str, environment: str) -> Champion | None:
    """The version whose alias is the environment's champion; None when there is none yet.

    Raises:
        InputError: MLflow does not answer, or the version was not made by ``register``.
    """
    name = alias(CHAMPION, environment)
    client = connect()
    version = attempt(lambda: mlflow_registry.alias_version(client, model_name, name))
    if not version:
        return None
    tags = attempt(lambda: client.get_model_version(model_name, version)).tags
    for tag in (mlflow_registry.URI, mlflow_registry.DIGEST):
        if not tags.get(tag):
            raise InputError(
                "model_name",
                model_name,
                f"a champion that register made; version {version} has no tag {tag}",
                f"Move the alias {name!r} to a version that register made, or remove it.",
            )
    return Champion(version, tags[mlflow_registry.URI], tags[mlflow_registry.DIGEST])


def fetch_champion(champion: Champion, directory: Path) -> None:
    """Copy the champion's model directory; ``core.model.load_model`` checks it against its digest.

    Raises:
        InputError: it is not where its version says.
    """
    object_store.get_directory(models_root().readable(champion.uri), directory, MODELS_ROOT)
