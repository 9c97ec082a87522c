"""One registered version per content, exported to where KServe reads it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from kfp_lifecycle.adapters import mlflow_connection, mlflow_registry, object_store
from kfp_lifecycle.adapters.mlflow_registry import Version
from kfp_lifecycle.components.registration.candidate import Candidate, read_candidate
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.checksums import CHECKSUMS, ChecksumError, verify_checksums
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.model_name import check_model_name
from kfp_lifecycle.core.models_root import ModelsRoot, models_root
from kfp_lifecycle.core.release import CHALLENGER, CHAMPION, alias, check_environment
from kfp_lifecycle.core.settings import MODELS_ROOT


@step_entry
def register(model: Artifact, model_name: str, environment: str = "prod", run_id: str = "") -> tuple[str, str, str]:
    """Register a model once per content key, export it, and name it challenger.

    The export comes before the version, so that no version ever points to nothing. A content key that is registered
    already gives the first version's URI and digest, whatever bytes this run trained: two dumps of one training differ.

    Args:
        model: a model directory with the metadata that train wrote.
        environment: whose challenger the version becomes; a version that is champion there stays only that.
        run_id: the KFP run, kept as a tag.

    Returns:
        Version, serve URI and digest of the content's one registered version.

    Raises:
        InputError: a name cannot be used, the model directory is damaged, the models root is not writable, MLflow is
            not reachable, or the export of an earlier registration is damaged.
    """
    check_model_name(model_name)
    check_environment(environment)
    root = models_root()
    candidate = read_candidate(model)
    client = mlflow_connection.connect()
    found = mlflow_registry.find_content(client, model_name, candidate.content_key)
    if not found:
        object_store.put_directory(model.path, root.write_uri(model_name, candidate.digest), MODELS_ROOT)
    version = mlflow_registry.register(
        client,
        model_name,
        candidate.content_key,
        model_id=candidate.model_id,
        run_id=candidate.mlflow_run_id,
        tags=_tags(candidate, root.serve_uri(model_name, candidate.digest), environment, run_id),
    )
    digest, uri = _recorded(version, mlflow_registry.DIGEST), _recorded(version, mlflow_registry.URI)
    _keep_export_whole(root, version, digest, uri, candidate, Path(model.path))
    _name_challenger(client, version, environment)
    print(f"{model_name} version {version.version}: {uri} (digest {digest})", flush=True)
    if digest != candidate.digest:
        print("The same content was registered before with other bytes; that version is used.", flush=True)
    return version.version, uri, digest


def _tags(candidate: Candidate, uri: str, environment: str, run_id: str) -> dict[str, str]:
    return {
        mlflow_registry.DIGEST: candidate.digest,
        mlflow_registry.URI: uri,
        mlflow_registry.ENVIRONMENT: environment,
        mlflow_registry.RUN_ID: run_id,
        mlflow_registry.TABLE_DIGEST: candidate.table_digest,
    }


def _recorded(version: Version, tag: str) -> str:
    """A tag that register gave the version; somebody may have removed it since."""
    value = version.tags.get(tag, "")
    if not value:
        raise InputError(
            "model_name",
            version.name,
            f"a version that register made; version {version.version} has no tag {tag}",
            "Give it its tag back, or delete the version in MLflow and run again.",
        )
    return value


def _keep_export_whole(
    root: ModelsRoot, version: Version, digest: str, uri: str, candidate: Candidate, directory: Path
) -> None:
    """Export again what somebody removed since the version was made; a changed export is an error."""
    place = root.readable(uri)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model"
        if object_store.exists(f"{place}/{CHECKSUMS}", MODELS_ROOT):
            object_store.get_directory(place, copy, MODELS_ROOT)
            _verify(copy, digest, place, "Exports are never overwritten: remove the folder, then run again.")
            return
        if candidate.digest == digest:
            copy = directory
        else:
            mlflow_registry.download(version, copy)
            _verify(copy, digest, place, f"Delete version {version.version} in MLflow: the content is lost.")
        object_store.put_directory(copy, place, MODELS_ROOT)


def _verify(copy: Path, digest: str, place: str, remedy: str) -> None:
    try:
        verify_checksums(copy, digest)
    except ChecksumError as error:
        expected = "an export that nobody changed"
        raise InputError(MODELS_ROOT, place, expected, f"{error}. {remedy}") from error


def _name_challenger(client: Any, version: Version, environment: str) -> None:
    name = version.name
    if mlflow_registry.alias_version(client, name, alias(CHAMPION, environment)) == version.version:
        print(f"version {version.version} is already champion of {environment}", flush=True)
        return
    mlflow_registry.set_alias(client, name, alias(CHALLENGER, environment), version.version)
