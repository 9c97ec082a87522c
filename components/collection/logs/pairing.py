"""Requests and their answers brought together by id, on disk, so that memory does not grow with the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kfp_lifecycle.components.collection.logs.events import Event

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16384;
CREATE TABLE events (number INTEGER PRIMARY KEY, id TEXT, answer INTEGER, time INTEGER, body BLOB,
                     request_id TEXT, event_time INTEGER, revision TEXT);
CREATE TABLE pairs (id TEXT, time INTEGER, request INTEGER, answer INTEGER);
"""
_ADD = "INSERT INTO events (id, answer, time, body, request_id, event_time, revision) VALUES (?, ?, ?, ?, ?, ?, ?)"
_BY_ID = "SELECT number, id, answer, time FROM events ORDER BY id, time, number"
_PAIRS = """
SELECT p.id, r.time, r.body, r.request_id, r.event_time, r.revision,
       a.time, a.body, a.request_id, a.event_time, a.revision
FROM pairs p INDEXED BY by_time LEFT JOIN events r ON r.number = p.request LEFT JOIN events a ON a.number = p.answer
ORDER BY p.time, p.id
"""


@dataclass(frozen=True)
class Pair:
    """A request with its answer; either may be missing, but not both."""

    request: Event | None
    answer: Event | None


class Pairing:
    """The events of a log by id, in a database file that is removed with its folder.

    Attributes:
        repeated: events of an id beyond its one request and one answer, as after a retry; not known before ``pairs``.
    """

    def __init__(self, folder: Path) -> None:
        self.repeated = 0
        self._database = sqlite3.connect(folder / "events.sqlite", isolation_level=None)
        self._database.executescript(_TABLES)
        self._paired = False

    def close(self) -> None:
        """Let the file go."""
        self._database.close()

    def add(self, events: Iterable[Event]) -> None:
        """Keep events; all of them before the first call of ``pairs``."""
        self._database.execute("BEGIN")
        self._database.executemany(
            _ADD,
            (
                (
                    event.id,
                    event.is_answer,
                    _stored(event.time),
                    event.body,
                    event.request_id,
                    _stored(event.event_time),
                    event.revision,
                )
                for event in events
            ),
        )
        self._database.execute("COMMIT")

    def pairs(self) -> Iterator[Pair]:
        """One pair an id, in order of time.

        An answer belongs to the last request that is not after it; of several pairs of one id the last counts. So a
        request that was sent again under its id, or delivered twice, gives its rows once.
        """
        if not self._paired:
            self._pair()
            self._paired = True
        for identity, *fields in self._database.execute(_PAIRS):
            yield Pair(_event(identity, False, fields[:5]), _event(identity, True, fields[5:]))

    def _pair(self) -> None:
        self._database.execute("CREATE INDEX by_id ON events (id, time, number, answer)")
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO pairs (id, time, request, answer) VALUES (?, ?, ?, ?)", self._chosen())
        self._database.execute("COMMIT")
        # The pairs are read by it, so that no body goes through a sort.
        self._database.execute("CREATE INDEX by_time ON pairs (time, id)")

    def _chosen(self) -> Iterator[tuple[str, int | None, int | None, int | None]]:
        """For each id the numbers of its request and its answer; only one id is held at a time."""
        identity: str | None = None
        request = answered_request = answer = first = None
        events = 0
        for number, given, is_answer, time in self._database.execute(_BY_ID):
            if given != identity:
                if identity is not None:
                    yield identity, first, answered_request if answer else request, answer
                    self.repeated += events - len({answered_request if answer else request, answer} - {None})
                identity, request, answered_request, answer, first, events = given, None, None, None, time, 0
            events += 1
            if is_answer:
                # Without times the order of the files decides, in which an answer may come before its request.
                answered_request, answer = request, number
            else:
                request = number
                answered_request = answered_request or (number if answer else None)
        if identity is not None:
            yield identity, first, answered_request if answer else request, answer
            self.repeated += events - len({answered_request if answer else request, answer} - {None})


def _event(identity: str, is_answer: bool, fields: list[object]) -> Event | None:
    time, body, request_id, event_time, revision = fields
    if body is None:
        return None
    read = (_read(time), body, request_id, _read(event_time), revision)
    return Event(identity, is_answer, *read)  # type: ignore[arg-type]


def _stored(time: datetime | None) -> int | None:
    return None if time is None else (time - _EPOCH) // timedelta(microseconds=1)


def _read(stored: object) -> datetime | None:
    return _EPOCH + timedelta(microseconds=stored) if isinstance(stored, int) else None
