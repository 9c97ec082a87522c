"""The champion that MLflow's alias names, or a version by its number, and its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kfp_lifecycle.adapters import mlflow_registry, object_store
from kfp_lifecycle.adapters.mlflow_connection import attempt, connect
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.models_root import models_root
from kfp_lifecycle.core.release import CHAMPION, alias
from kfp_lifecycle.core.release_inputs import check_version
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
    found = attempt(lambda: mlflow_registry.find_version(client, model_name, version))
    return _made_by_register(
        found, model_name, "champion", f"Move the alias {name!r} to a version that register made, or remove it."
    )


def find_asked(model_name: str, environment: str, version: str) -> Champion:
    """The version of this number, or the environment's champion if it is empty.

    Raises:
        InputError: there is none, MLflow does not answer, or the version was not made by ``register``.
    """
    if version:
        client = connect()
        found = attempt(lambda: mlflow_registry.find_version(client, model_name, check_version(version)))
        if found is None:
            raise InputError("version", version, f"a version of {model_name!r}", "Take one that register returned.")
        return _made_by_register(found, model_name, "version", "Name a version that register made.")
    champion = find_champion(model_name, environment)
    if champion is None:
        raise InputError(
            "model_name",
            model_name,
            f"a model with a champion in {environment!r}",
            "Check its spelling, release a version first, or name one by the parameter version.",
        )
    return champion


def fetch_champion(champion: Champion, directory: Path) -> None:
    """Copy the champion's model directory; ``core.model.load_model`` checks it against its digest.

    Raises:
        InputError: it is not where its version says.
    """
    object_store.get_directory(models_root().readable(champion.uri), directory, MODELS_ROOT)


def _made_by_register(found: mlflow_registry.Version | None, model_name: str, what: str, remedy: str) -> Champion:
    if found is None:
        raise InputError("model_name", model_name, "a champion that was not removed meanwhile", "Run the step again.")
    for tag in (mlflow_registry.URI, mlflow_registry.DIGEST):
        if not found.tags.get(tag):
            raise InputError(
                "model_name",
                model_name,
                f"a {what} that register made; version {found.version} has no tag {tag}",
                remedy,
            )
    return Champion(found.version, found.tags[mlflow_registry.URI], found.tags[mlflow_registry.DIGEST])
