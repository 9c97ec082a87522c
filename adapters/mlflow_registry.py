"""The MLflow model registry: one version per content, and the aliases that mirror who is champion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.adapters.mlflow_connection import attempt, error_code, time_for_files, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

CONTENT_KEY = "kfp-lifecycle.content_key"
DIGEST = "kfp-lifecycle.digest"
URI = "kfp-lifecycle.uri"
ENVIRONMENT = "kfp-lifecycle.environment"
RUN_ID = "kfp-lifecycle.kfp_run_id"
TABLE_DIGEST = "kfp-lifecycle.table_digest"
_ABSENT = "RESOURCE_DOES_NOT_EXIST"


@dataclass(frozen=True)
class Version:
    """A registered version with its tags."""

    name: str
    version: str
    source: str
    tags: Mapping[str, str]


def find_content(client: MlflowClient, name: str, content_key: str) -> list[Version]:
    """The versions of a content key, the lowest number first; more than one only while writers race."""
    query = f"name='{name}' and tags.`{CONTENT_KEY}`='{content_key}'"
    found: list[Version] = []
    token: str | None = None
    while True:
        page = attempt(partial(client.search_model_versions, query, max_results=200, page_token=token))
        found += [_version(each) for each in page]
        token = page.token
        if not token:
            return sorted(found, key=lambda version: int(version.version))


def register(
    client: MlflowClient, name: str, content_key: str, *, model_id: str, run_id: str, tags: Mapping[str, str]
) -> Version:
    """The one version of a content key, made if there is none, however many callers race.

    The registry cannot be asked to keep a tag unique. So each caller creates a version with its tags in one call,
    searches again, and the lowest number wins; numbers only rise, so whoever looks later sees the same winner. Every
    other version of the key is removed, also one whose own maker died before it could, or never heard of it.
    """
    found = find_content(client, name, content_key)
    if not found:
        _unless("RESOURCE_ALREADY_EXISTS", lambda: client.create_registered_model(name))
        attempt(
            lambda: client.create_model_version(
                name,
                source=f"models:/{model_id}",
                run_id=run_id or None,
                tags={**tags, CONTENT_KEY: content_key},
                model_id=model_id,
            )
        )
        found = find_content(client, name, content_key)
    if not found:
        raise RuntimeError(f"version of {name!r} with content key {content_key} was deleted while it was registered")
    for loser in found[1:]:
        # Its own maker, or another loser, may be faster.
        _unless(_ABSENT, partial(client.delete_model_version, name, loser.version))
    return found[0]


def find_version(client: MlflowClient, name: str, version: str) -> Version | None:
    """A version by its number, or None."""
    found = _unless(_ABSENT, lambda: client.get_model_version(name, version))
    return _version(found) if found else None


def download(version: Version, directory: Path) -> None:
    """Copy the logged model behind a version, as train logged it, to a folder that does not exist yet.

    Raises:
        MlflowException, OSError: its artifacts are gone.
    """
    from mlflow.artifacts import download_artifacts

    with time_for_files():
        attempt(lambda: download_artifacts(version.source, dst_path=str(directory), tracking_uri=tracking_uri()))


def alias_version(client: MlflowClient, name: str, alias: str) -> str:
    """The version that an alias points to; empty when the alias or the model does not exist."""
    from mlflow.exceptions import MlflowException

    try:
        found = _unless(_ABSENT, lambda: client.get_model_version_by_alias(name, alias))
    except MlflowException as error:
        # An absent alias is answered as an invalid parameter, told from others by its words only.
        if "not found" in str(error):
            return ""
        raise
    return str(found.version) if found else ""


def set_alias(client: MlflowClient, name: str, alias: str, version: str) -> bool:
    """Point an alias to a version; False when it did so already."""
    if alias_version(client, name, alias) == version:
        return False
    attempt(lambda: client.set_registered_model_alias(name, alias, version))
    return True


def _unless(code: str, call: Callable[[], Any]) -> Any:
    """The call's answer, or None where MLflow answers with this error."""
    from mlflow.exceptions import MlflowException

    try:
        return attempt(call)
    except MlflowException as error:
        if error_code(error) != code:
            raise
        return None


def _version(found: Any) -> Version:
    return Version(str(found.name), str(found.version), str(found.source), dict(found.tags))
