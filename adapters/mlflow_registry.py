"""The MLflow model registry: one version per content, and the aliases that mirror who is champion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.settings import CONFIG_MAP, MLFLOW_TRACKING_URI, required

if TYPE_CHECKING:
    from mlflow import MlflowClient

CONTENT_KEY = "kfp-lifecycle.content_key"
DIGEST = "kfp-lifecycle.digest"
URI = "kfp-lifecycle.uri"
ENVIRONMENT = "kfp-lifecycle.environment"
RUN_ID = "kfp-lifecycle.kfp_run_id"
TABLE_DIGEST = "kfp-lifecycle.table_digest"


@dataclass(frozen=True)
class Version:
    """A registered version with its tags."""

    name: str
    version: str
    source: str
    tags: Mapping[str, str]


def connect() -> MlflowClient:
    """A client of the server that the environment names.

    Raises:
        InputError: the setting is missing, or nothing answers there. MLflow's own client would try for minutes.
    """
    uri = required(MLFLOW_TRACKING_URI)
    if uri.startswith(("http://", "https://")):
        _check_reachable(uri)
    # Importing MLflow takes seconds, which a refused input need not pay.
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def find_content(client: MlflowClient, name: str, content_key: str) -> list[Version]:
    """The versions of a content key, the lowest number first; more than one only while writers race."""
    query = f"name='{name}' and tags.`{CONTENT_KEY}`='{content_key}'"
    found: list[Version] = []
    token = None
    while True:
        page = client.search_model_versions(query, max_results=200, page_token=token)
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
    other version of the key is removed, also one whose own maker died before it could.
    """
    found = find_content(client, name, content_key)
    if not found:
        _create_model(client, name)
        client.create_model_version(
            name,
            source=f"models:/{model_id}",
            run_id=run_id or None,
            tags={**tags, CONTENT_KEY: content_key},
            model_id=model_id,
        )
        found = find_content(client, name, content_key)
    if not found:
        raise RuntimeError(f"version of {name!r} with content key {content_key} was deleted while it was registered")
    for loser in found[1:]:
        _delete(client, loser)
    return found[0]


def find_version(client: MlflowClient, name: str, version: str) -> Version | None:
    """A version by its number, or None."""
    from mlflow.exceptions import MlflowException

    try:
        return _version(client.get_model_version(name, version))
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def alias_version(client: MlflowClient, name: str, alias: str) -> str:
    """The version that an alias points to; empty when the alias or the model does not exist."""
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        # An absent alias is answered as an invalid parameter, an absent model as a missing resource.
        if error.error_code == "RESOURCE_DOES_NOT_EXIST" or "not found" in str(error):
            return ""
        raise


def set_alias(client: MlflowClient, name: str, alias: str, version: str) -> bool:
    """Point an alias to a version; False when it did so already."""
    if alias_version(client, name, alias) == version:
        return False
    client.set_registered_model_alias(name, alias, version)
    return True


def _check_reachable(uri: str) -> None:
    import requests

    try:
        answer = requests.get(f"{uri.rstrip('/')}/health", timeout=10)
    except requests.exceptions.SSLError:
        return  # something answers, and MLflow has its own settings for certificates
    except requests.exceptions.RequestException as error:
        raise _unreachable(uri, type(error).__name__) from error
    # A proxy may hide /health and still lead to the server; one that fails does not.
    if answer.status_code >= 500:
        raise _unreachable(uri, f"HTTP {answer.status_code}")


def _unreachable(uri: str, reason: str) -> InputError:
    return InputError(
        MLFLOW_TRACKING_URI,
        # A password may stand in the address.
        re.sub(r"//[^/@]*@", "//", uri),
        "the address of a running MLflow server",
        f"Start the server, or correct the address in the ConfigMap {CONFIG_MAP!r} ({reason}).",
    )


def _create_model(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _delete(client: MlflowClient, version: Version) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.delete_model_version(version.name, version.version)
    except MlflowException as error:
        # Its own maker, or another loser, was faster.
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def _version(found: Any) -> Version:
    return Version(str(found.name), str(found.version), str(found.source), dict(found.tags))
