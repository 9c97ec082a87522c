"""The two conditional writes of a release: to its record, and to its InferenceService under the record's epoch.

The order of reading is what makes the second one safe: first the service, then the record, then the write with the
version of the service that was read. Whoever takes a release over raises its epoch before touching the service. So a
holder that was overtaken either sees the new epoch, or loses against the version; it can never undo what its
successor did, however long it slept in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kfp_lifecycle.adapters import inference_services, release_records
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import Conflict
from kfp_lifecycle.adapters.release_records import StoredRecord
from kfp_lifecycle.core import release
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.inference_service import LiveService
from kfp_lifecycle.core.release import Release, ReleaseRecord

ATTEMPTS = 10

Manifest = Mapping[str, Any]


def read_record(connection: Connection, service: str, namespace: str) -> ReleaseRecord:
    """The record of a service's releases.

    Raises:
        InputError: the service has none, so no release of it was ever made here.
    """
    return _stored(connection, service, namespace).record


def read_service(connection: Connection, service: str, namespace: str) -> LiveService:
    """The live service.

    Raises:
        InputError: there is none.
    """
    live = inference_services.read(connection, service, namespace)
    if live is None:
        raise InputError(
            "service", service, f"an InferenceService in namespace {namespace!r}", "Release it with deploy first."
        )
    return live


def change_record(
    connection: Connection, service: str, namespace: str, change: Callable[[ReleaseRecord], ReleaseRecord]
) -> ReleaseRecord:
    """Write what ``change`` makes of the record, again from the start whenever somebody else was faster.

    Raises:
        core.release.Superseded: ``change`` says so; nothing was written.
        InputError: there is no record.
    """
    for _ in range(ATTEMPTS):
        stored = _stored(connection, service, namespace)
        changed = change(stored.record)
        if changed == stored.record:
            return changed
        try:
            return release_records.write(connection, namespace, stored, changed).record
        except Conflict:
            continue
    raise RuntimeError(f"the release record of {service!r} changed {ATTEMPTS} times in a row")


def change_service(
    connection: Connection,
    service: str,
    namespace: str,
    epoch: int,
    make: Callable[[LiveService, Release], Manifest | None],
) -> LiveService:
    """Apply what ``make`` wants of the live service, if the release still has this epoch.

    Args:
        make: gives the manifest, with the resourceVersion of the service it gets, or None to leave it as it is. It is
            asked anew after each lost race.

    Raises:
        core.release.Superseded: the release was taken over or is finished; nothing was written.
        InputError: the service or its record does not exist.
    """
    for _ in range(ATTEMPTS):
        live = read_service(connection, service, namespace)
        manifest = make(live, release.current(read_record(connection, service, namespace), epoch))
        if manifest is None:
            return live
        try:
            return inference_services.apply(connection, manifest)
        except Conflict:
            continue
    raise RuntimeError(f"InferenceService {service!r} changed {ATTEMPTS} times in a row")


def _stored(connection: Connection, service: str, namespace: str) -> StoredRecord:
    found = release_records.read(connection, service, namespace)
    if found is None:
        raise InputError(
            "service",
            service,
            f"a service with a release record in namespace {namespace!r}",
            "Release it with deploy first, or name the service that deploy was given.",
        )
    if found.record.service != service:
        raise InputError(
            "service",
            service,
            f"the record of this service, not of {found.record.service!r}",
            f"The ConfigMap {release_records.name(service)!r} was copied or renamed: delete it.",
        )
    return found
