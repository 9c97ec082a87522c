"""Where the book of a model's retrains is kept: one ConfigMap, created or changed under a condition only.

To ``single_runs`` it is a store of reservations. What it knows of the book is what it read last, so a write is refused
when anything in the book has changed since: that is what makes the limits of several windows hold at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kfp_lifecycle.adapters import clock, kfp_runs, kubernetes_objects
from kfp_lifecycle.adapters.kfp_connection import KfpConnection
from kfp_lifecycle.adapters.kfp_errors import KfpAbsent
from kfp_lifecycle.adapters.kubernetes_connection import Connection
from kfp_lifecycle.adapters.kubernetes_errors import Conflict
from kfp_lifecycle.adapters.kubernetes_objects import CONFIG_MAPS
from kfp_lifecycle.adapters.reservations import Stored, Withdrawn
from kfp_lifecycle.core import reservation as reservations
from kfp_lifecycle.core import retrain_book
from kfp_lifecycle.core.reservation import Reservation, ReservationError, State
from kfp_lifecycle.core.retrain_book import Book, Entry
from kfp_lifecycle.core.retraining import Cause

KEY = "retrains.json"
LABEL = "kfp-lifecycle/retrains"
DELETED = "DELETED"  # the outcome of a run that KFP knows no more


@dataclass
class RetrainBook:
    """The book of a cause's model and environment, as it was read last.

    Attributes:
        book: what the next write starts from; ``refresh`` brings it up to date.
    """

    connection: Connection
    namespace: str
    cause: Cause
    book: Book = field(init=False)
    _version: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.book = Book(self.cause.model, self.cause.environment)

    @property
    def name(self) -> str:
        """Its ConfigMap."""
        return retrain_book.name(self.cause.model, self.cause.environment)

    def read(self, key: str) -> Stored | None:
        """The reservation of a key; the whole book is read with it.

        Raises:
            core.reservation.ReservationError: the ConfigMap holds something else.
        """
        found = kubernetes_objects.get(self.connection, CONFIG_MAPS, self.name, self.namespace)
        if found is None:
            self.book, self._version = Book(self.cause.model, self.cause.environment), ""
        else:
            self._take(found)
        entry = self.book.entries.get(key)
        return Stored(entry.reservation, self._version) if entry else None

    def create(self, reservation: Reservation) -> Stored:
        """Enter a new reservation.

        Raises:
            Conflict: the book has changed since it was read.
            Withdrawn: the reservation is not new, and another caller struck it out, as it had run out.
        """
        if reservation.state is not State.RESERVED:
            raise Withdrawn(f"the retrain {reservation.key!r} was struck out of the book after its lease had ended")
        return self._write(reservation)

    def write(self, stored: Stored, reservation: Reservation) -> Stored:
        """Put ``reservation`` in the place of ``stored``; ``Conflict`` when anything in the book has changed since."""
        if stored.resource_version != self._version:
            raise Conflict(409, f"the book {self.name!r} was read again meanwhile")
        return self._write(reservation)

    def tidy(self, now: datetime) -> None:
        """Nothing: the book forgets its oldest entries by itself."""

    def refresh(self, kfp: KfpConnection) -> bool:
        """Find out what became of the retrains that may be running; whether the book says something new now.

        One whose holder died is looked for by its name; where there is none, it is struck out.

        Raises:
            KfpError: KFP refused or is away.
        """
        before = self.book
        for key, entry in before.entries.items():
            if not entry.open:
                continue
            known = _refreshed(kfp, entry)
            if known is None:
                self.book = retrain_book.without(self.book, key)
            elif known != entry.reservation:
                self.book = retrain_book.entered(self.book, self.cause, known)
        return self.book != before

    def save(self) -> None:
        """Write the book as it is now.

        Raises:
            Conflict: it has changed since it was read.
        """
        send = kubernetes_objects.replace if self._version else kubernetes_objects.create
        self._take(send(self.connection, CONFIG_MAPS, self._config_map()))

    def _write(self, reservation: Reservation) -> Stored:
        before = self.book
        self.book = retrain_book.entered(before, self.cause, reservation)
        try:
            self.save()
        except BaseException:
            self.book = before
            raise
        return Stored(reservation, self._version)

    def _take(self, config_map: Mapping[str, Any]) -> None:
        book = retrain_book.loads((config_map.get("data") or {}).get(KEY, ""))
        if (book.model, book.environment) != (self.cause.model, self.cause.environment):
            raise ReservationError(f"the ConfigMap {self.name!r} was copied or renamed: delete it")
        self.book, self._version = book, config_map["metadata"]["resourceVersion"]

    def _config_map(self) -> Mapping[str, Any]:
        metadata: dict[str, Any] = {
            "name": self.name,
            "namespace": self.namespace,
            "labels": {LABEL: self.cause.model},
        }
        if self._version:
            metadata["resourceVersion"] = self._version
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {KEY: retrain_book.dumps(self.book)},
        }


def _refreshed(kfp: KfpConnection, entry: Entry) -> Reservation | None:
    """The reservation with what KFP knows of its run; None where there is no run and nobody is starting one."""
    found = entry.reservation
    if found.state is State.RESERVED:
        if clock.now() < found.expires_at:
            return found
        left = kfp_runs.find(kfp, found.run_name)
        if left is None:
            return None
        found = reservations.started(found, left.id)
        return reservations.finished(found, left.state) if left.ended else found
    try:
        run = kfp_runs.get(kfp, found.run_id)
    except KfpAbsent:
        return reservations.finished(found, DELETED)
    return reservations.finished(found, run.state) if run.ended else found
