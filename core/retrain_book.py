"""All retrains of one model in one environment, in one record, so that one write admits a retrain or none. Pure.

Two windows at once must not both start a retrain where only one may run, so what limits them stands where a single
conditional write sees it. Each retrain in it is a reservation (``core.reservation``) with what it is for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from kfp_lifecycle.core import reservation as reservations
from kfp_lifecycle.core.checksums import canonical_json, sha256_bytes
from kfp_lifecycle.core.reservation import Reservation, ReservationError, State
from kfp_lifecycle.core.retraining import Cause, Past
from kfp_lifecycle.core.window import format_time, parse_time

# To change the format: raise this number, keep a reader of the old one in loads, and a test of both.
FORMAT = 1
# Twice the largest budget; some 140 KB at most, of the 1 MiB that a ConfigMap holds.
KEPT = 200


@dataclass(frozen=True)
class Entry:
    """One retrain.

    Attributes:
        window: of event time, that the retrain is for.
        as_of: of the run that asked for it first.
        caller: that run; empty where it has no name.
    """

    reservation: Reservation
    window: str
    as_of: datetime
    caller: str

    @property
    def open(self) -> bool:
        """Whether it may be running, as far as the book knows."""
        return self.reservation.state is not State.FINISHED


@dataclass(frozen=True)
class Book:
    """The retrains of a model and environment, by key."""

    model: str
    environment: str
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def past(self) -> tuple[Past, ...]:
        """What ``decide_retrain`` looks at."""
        return tuple(
            Past(key, it.window, it.as_of, it.open, it.reservation.run_id, it.caller)
            for key, it in self.entries.items()
        )


def name(model: str, environment: str) -> str:
    """What the book of a model and environment is called, wherever it is kept."""
    return f"kfp-lifecycle-retrains-{sha256_bytes(canonical_json([model, environment]))[:32]}"


def entered(book: Book, cause: Cause, reservation: Reservation) -> Book:
    """With a reservation in the place of the one of its key, or as the newest."""
    known = book.entries.get(reservation.key)
    entry = (
        replace(known, reservation=reservation)
        if known
        else Entry(reservation, str(cause.window), cause.as_of, cause.caller)
    )
    return _pruned(replace(book, entries={**book.entries, reservation.key: entry}))


def without(book: Book, key: str) -> Book:
    """Without a retrain that was never started."""
    return replace(book, entries={each: entry for each, entry in book.entries.items() if each != key})


def dumps(book: Book) -> str:
    """Canonical JSON."""
    entries = {
        key: {
            **{name: value for name, value in asdict(it).items() if name != "reservation"},
            "as_of": format_time(it.as_of),
            "reservation": json.loads(reservations.dumps(it.reservation)),
        }
        for key, it in book.entries.items()
    }
    content = {"format": FORMAT, "model": book.model, "environment": book.environment, "entries": entries}
    return canonical_json(content).decode()


def loads(text: str) -> Book:
    """What ``dumps`` wrote.

    Raises:
        ReservationError: it is something else, or of another format.
    """
    try:
        content: dict[str, Any] = json.loads(text)
        if content["format"] != FORMAT:
            raise ReservationError("the book of retrains was written by another version of kfp-lifecycle: use that one")
        entries = {key: _entry(key, it) for key, it in content["entries"].items()}
        return Book(content["model"], content["environment"], entries)
    except ReservationError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ReservationError(
            f"the book of retrains is damaged ({type(error).__name__}: {error}). Delete its ConfigMap once you know "
            "whether a retrain is running."
        ) from error


def _entry(key: str, content: Mapping[str, Any]) -> Entry:
    reservation = reservations.loads(json.dumps(content["reservation"]))
    if reservation.key != key:
        raise ReservationError(f"the book of retrains holds {reservation.key!r} under {key!r}: delete its ConfigMap")
    return Entry(reservation, str(content["window"]), parse_time(content["as_of"], "as_of"), str(content["caller"]))


def _pruned(book: Book) -> Book:
    """Without the oldest retrains that have ended; whoever asks for their windows is told of the later ones."""
    over = len(book.entries) - KEPT
    if over <= 0:
        return book
    ended = sorted((it.as_of, key) for key, it in book.entries.items() if not it.open)
    gone = {key for _, key in ended[:over]}
    return replace(book, entries={key: it for key, it in book.entries.items() if key not in gone})
