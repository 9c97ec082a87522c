"""Where reservations are kept: one ConfigMap a key, created or changed under a condition only.

A reservation stays for its retention after the last caller asked for it. Whoever reserves removes some that nobody
needs any more; a caller without the right to delete leaves that to others.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from kfp_lifecycle.adapters import kubernetes_objects
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import Absent, Conflict, Forbidden
from kfp_lifecycle.adapters.kubernetes_objects import CONFIG_MAPS
from kfp_lifecycle.core import reservation as reservations
from kfp_lifecycle.core.reservation import Reservation, ReservationError

KEY = "reservation.json"
# Its value is the day after which the reservation may go, so that old ones are found without reading all.
LABEL = "kfp-lifecycle/reservation"
_SWEPT = 20

_log = logging.getLogger(__name__)


class Withdrawn(RuntimeError):
    """The reservation was taken away from its holder, whose run is one too many."""


@dataclass(frozen=True)
class Stored:
    """A reservation with the version under which it was read."""

    reservation: Reservation
    resource_version: str


class Store(Protocol):
    """Where reservations are kept; the functions of this module say what each method does."""

    def read(self, key: str) -> Stored | None: ...

    def create(self, reservation: Reservation) -> Stored:
        """Raises ``Conflict``, or ``Withdrawn`` for one that others took away when it was new no more."""
        ...

    def write(self, stored: Stored, reservation: Reservation) -> Stored: ...

    def tidy(self, now: datetime) -> None:
        """Forget what nobody needs any more."""
        ...


@dataclass(frozen=True)
class Separately:
    """A ConfigMap for each reservation of a namespace."""

    connection: Connection
    namespace: str

    def read(self, key: str) -> Stored | None:
        return read(self.connection, key, self.namespace)

    def create(self, reservation: Reservation) -> Stored:
        return create(self.connection, self.namespace, reservation)

    def write(self, stored: Stored, reservation: Reservation) -> Stored:
        return write(self.connection, self.namespace, stored, reservation)

    def tidy(self, now: datetime) -> None:
        sweep(self.connection, self.namespace, now)


def name(key: str) -> str:
    """The ConfigMap of a key's reservation."""
    return f"kfp-lifecycle-reservation-{reservations.digest(key)}"


def read(connection: Connection, key: str, namespace: str) -> Stored | None:
    """The reservation of a key, or None.

    Raises:
        core.reservation.ReservationError: the ConfigMap holds something else.
    """
    found = kubernetes_objects.get(connection, CONFIG_MAPS, name(key), namespace)
    if found is None:
        return None
    stored = _stored(found)
    if stored.reservation.key != key:
        raise ReservationError(f"the ConfigMap {name(key)!r} was copied or renamed: delete it")
    return stored


def create(connection: Connection, namespace: str, reservation: Reservation) -> Stored:
    """Store a new reservation.

    Raises:
        adapters.kubernetes_errors.Conflict: there is one; it may be this very one, if an answer was lost.
    """
    return _stored(kubernetes_objects.create(connection, CONFIG_MAPS, _config_map(namespace, reservation)))


def write(connection: Connection, namespace: str, stored: Stored, reservation: Reservation) -> Stored:
    """Put ``reservation`` in the place of ``stored``.

    Raises:
        adapters.kubernetes_errors.Conflict: somebody else wrote since ``stored`` was read.
    """
    body = _config_map(namespace, reservation, stored.resource_version)
    return _stored(kubernetes_objects.replace(connection, CONFIG_MAPS, body))


def sweep(connection: Connection, namespace: str, now: datetime, limit: int = _SWEPT) -> int:
    """Remove reservations whose retention is over, at most ``limit``; how many went."""
    # Those to keep have one of few labels, so the server need not send them.
    days = ",".join(_day(now + timedelta(days=ahead)) for ahead in range(reservations.RETENTION.days + 2))
    old = kubernetes_objects.find(connection, CONFIG_MAPS, namespace, f"{LABEL},{LABEL} notin ({days})", limit=limit)
    gone = 0
    for each in old:
        try:
            if _stored(each).reservation.kept_until < now:
                kubernetes_objects.delete(connection, CONFIG_MAPS, each)
                gone += 1
        except (Absent, Conflict, ReservationError) as error:
            # Another caller removed it, or asked for it again; a damaged one is left to its owner.
            _log.info("a reservation was not removed: %s", error)
        except Forbidden as error:
            _log.info("reservations are left to callers who may delete them: %s", error)
            break
    return gone


def _stored(config_map: Mapping[str, Any]) -> Stored:
    text = (config_map.get("data") or {}).get(KEY, "")
    return Stored(reservations.loads(text), config_map["metadata"]["resourceVersion"])


def _config_map(namespace: str, reservation: Reservation, resource_version: str = "") -> Mapping[str, Any]:
    metadata: dict[str, Any] = {
        "name": name(reservation.key),
        "namespace": namespace,
        "labels": {LABEL: _day(reservation.kept_until)},
    }
    if resource_version:
        metadata["resourceVersion"] = resource_version
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {KEY: reservations.dumps(reservation)},
    }


def _day(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d}"
