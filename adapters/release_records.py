"""Where release records are kept: one ConfigMap per service, changed by compare-and-set only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.adapters import kubernetes_objects
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_objects import CONFIG_MAPS
from kfp_lifecycle.core import release_format
from kfp_lifecycle.core.inference_service import MANAGED_BY_LABEL, MANAGER, MODEL_LABEL
from kfp_lifecycle.core.release import ReleaseRecord

KEY = "record.json"


@dataclass(frozen=True)
class StoredRecord:
    """A record with the version under which it was read; an empty version means that it is not stored yet."""

    record: ReleaseRecord
    resource_version: str


def name(service: str) -> str:
    """The ConfigMap of a service's record."""
    return f"kfp-lifecycle-release-{service}"


def read(connection: Connection, service: str, namespace: str) -> StoredRecord | None:
    """The record of a service, or None.

    Raises:
        core.release_format.RecordError: the ConfigMap holds something else.
    """
    found = kubernetes_objects.get(connection, CONFIG_MAPS, name(service), namespace)
    if found is None:
        return None
    text = (found.get("data") or {}).get(KEY, "")
    return StoredRecord(release_format.loads(text), found["metadata"]["resourceVersion"])


def services(connection: Connection, namespace: str) -> list[str]:
    """The services of the namespace that have a record, by name."""
    found = kubernetes_objects.find(connection, CONFIG_MAPS, namespace, f"{MANAGED_BY_LABEL}={MANAGER}")
    prefix = name("")
    names = [str(each["metadata"]["name"]) for each in found]
    return sorted(each.removeprefix(prefix) for each in names if each.startswith(prefix))


def write(connection: Connection, namespace: str, stored: StoredRecord, record: ReleaseRecord) -> StoredRecord:
    """Put ``record`` in the place of ``stored``.

    Raises:
        adapters.kubernetes_errors.Conflict: somebody else wrote since ``stored`` was read.
    """
    body = _config_map(namespace, record, stored.resource_version)
    send = kubernetes_objects.replace if stored.resource_version else kubernetes_objects.create
    answer = send(connection, CONFIG_MAPS, body)
    return StoredRecord(record, answer["metadata"]["resourceVersion"])


def _config_map(namespace: str, record: ReleaseRecord, resource_version: str) -> Mapping[str, Any]:
    metadata: dict[str, Any] = {
        "name": name(record.service),
        "namespace": namespace,
        "labels": {MANAGED_BY_LABEL: MANAGER, MODEL_LABEL: record.model},
    }
    if resource_version:
        metadata["resourceVersion"] = resource_version
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {KEY: release_format.dumps(record)},
    }
