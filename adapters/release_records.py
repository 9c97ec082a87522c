"""Where release records are kept: one ConfigMap per service, changed by compare-and-set only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kfp_lifecycle.adapters import kubernetes_objects
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import Conflict
from kfp_lifecycle.adapters.kubernetes_objects import CONFIG_MAPS
from kfp_lifecycle.core import release_format
from kfp_lifecycle.core.inference_service import MANAGED_BY_LABEL, MANAGER, MODEL_LABEL
from kfp_lifecycle.core.release import ReleaseRecord

KEY = "record.json"


@dataclass(frozen=True)
class StoredRecord:
    """A record with the version under which it was read; an empty version means that it is not stored yet.

    Attributes:
        annotations: of its ConfigMap; whoever wrote them, a write of the record keeps them.
    """

    record: ReleaseRecord
    resource_version: str
    annotations: Mapping[str, str] = field(default_factory=dict)


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
    metadata = found["metadata"]
    return StoredRecord(
        release_format.loads(text), metadata["resourceVersion"], dict(metadata.get("annotations") or {})
    )


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
    body = _config_map(namespace, record, stored.resource_version, stored.annotations)
    send = kubernetes_objects.replace if stored.resource_version else kubernetes_objects.create
    answer = send(connection, CONFIG_MAPS, body)
    return StoredRecord(record, answer["metadata"]["resourceVersion"], stored.annotations)


def annotate(connection: Connection, namespace: str, stored: StoredRecord, annotation: str, text: str) -> None:
    """Write one annotation of the ConfigMap; the record stays byte for byte as it is.

    Raises:
        adapters.kubernetes_errors.Conflict: somebody else wrote since ``stored`` was read.
    """
    found = kubernetes_objects.get(connection, CONFIG_MAPS, name(stored.record.service), namespace) or {}
    metadata = found.get("metadata", {})
    if metadata.get("resourceVersion") != stored.resource_version:
        raise Conflict(409, f"the release record of {stored.record.service!r} changed meanwhile")
    annotations = {**(metadata.get("annotations") or {}), annotation: text}
    kubernetes_objects.replace(connection, CONFIG_MAPS, {**found, "metadata": {**metadata, "annotations": annotations}})


def _config_map(
    namespace: str, record: ReleaseRecord, resource_version: str, annotations: Mapping[str, str]
) -> Mapping[str, Any]:
    metadata: dict[str, Any] = {
        "name": name(record.service),
        "namespace": namespace,
        "labels": {MANAGED_BY_LABEL: MANAGER, MODEL_LABEL: record.model},
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    if resource_version:
        metadata["resourceVersion"] = resource_version
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {KEY: release_format.dumps(record)},
    }
