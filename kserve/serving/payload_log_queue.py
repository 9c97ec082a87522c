"""The bounded line between those who answer and the one who writes."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kfp_lifecycle.serving.predictions import LABELS, PROBABILITIES
from kfp_lifecycle.serving.request_marks import RequestMarks
from kfp_lifecycle.serving.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kfp_lifecycle.serving.predictions import Predictions

# What these take in memory, measured: a decoded value and its place in a list, beside its text; a list; all the rest.
_VALUE_BYTES, _LIST_BYTES, _ENTRY_BYTES = 64, 64, 512
_PROBABILITY_BYTES = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """The rows of requests that were answered together.

    Attributes:
        marks: of each request; every one has an id.
        counts: how many of the rows belong to each.
        status: HTTP status of their answers.
        predictions: what was computed for the answers; None where nothing was.
        fit: whether the values passed the checks; others may be of any type.
        size: about how many bytes of memory it takes.
    """

    marks: Sequence[RequestMarks]
    counts: Sequence[int]
    rows: Rows
    status: int
    predictions: Predictions | None
    fit: bool
    size: int


def memory_of(rows: Rows, body_bytes: int, predictions: Predictions | None = None) -> int:
    """About how many bytes decoded rows take that came in so many bytes of JSON, and the answers to them.

    Probabilities that nobody asked for count too, as the writer computes them.
    """
    answers = 0
    if predictions is not None:
        probabilities = predictions.probabilities
        answers += 0 if predictions.labels is None else predictions.labels.nbytes
        computed_later = rows.count * len(predictions.classes or ()) * _PROBABILITY_BYTES
        answers += computed_later if probabilities is None else probabilities.nbytes
    return len(rows.columns) * (rows.count * _VALUE_BYTES + _LIST_BYTES) + body_bytes + _ENTRY_BYTES + answers


def requests_of(entry: Entry) -> Iterator[Entry]:
    """Each request of an entry as an entry of its own."""
    start = 0
    fixed = len(entry.rows.columns) * _LIST_BYTES + _ENTRY_BYTES
    for mark, count in zip(entry.marks, entry.counts, strict=True):
        stop = start + count
        rows = Rows(count, [values[start:stop] for values in entry.rows.columns])
        asked = entry.predictions
        predictions = None if asked is None else asked.slice(start, stop, (LABELS, PROBABILITIES))
        size = entry.size * count // max(entry.rows.count, 1) + fixed
        yield Entry([mark], [count], rows, entry.status, predictions, entry.fit, size)
        start = stop


@dataclass(frozen=True)
class QueueCounts:
    """Rows since the start. ``logged + dropped`` is all that were offered."""

    logged: int
    dropped: int
    waiting: int


class PayloadQueue:
    """Takes entries without ever waiting, and gives them out in portions.

    Args:
        rows, size: most rows, and most bytes of memory, that may wait; an entry beyond either is dropped and counted.
        part_rows, part_size: how much a portion holds, unless a single entry holds more.
    """

    def __init__(self, *, rows: int, size: int, part_rows: int, part_size: int) -> None:
        self._most_rows, self._most_size = rows, size
        self._part_rows, self._part_size = part_rows, part_size
        self._entries: deque[Entry] = deque()
        self._next: deque[Entry] = deque()
        self._lock = threading.Lock()
        # Set only when a portion is full or an entry found no room, so that others cost no wake-up.
        self._due = threading.Event()
        self._rows = self._size = self._logged = self._dropped = 0
        self._closed = False

    def offer(self, entry: Entry) -> bool:
        """Take an entry, or drop and count it; safe from any thread.

        Of requests that find no room together, each is offered by itself. False when any was dropped.
        """
        rows = entry.rows.count
        fewest = min(entry.counts)
        with self._lock:
            taken = self._has_room(rows, entry.size)
            # A full queue is not worth the cutting.
            apart = not taken and len(entry.counts) > 1 and self._has_room(fewest, entry.size * fewest // max(rows, 1))
            if taken:
                self._entries.append(entry)
                self._rows += rows
                self._size += entry.size
                self._logged += rows
                wake = self._rows >= self._part_rows or self._size >= self._part_size
            else:
                if not apart:
                    self._dropped += rows
                # A portion that is not full would keep its room until its time is over.
                wake = not apart and self._rows > 0
        if wake and not self._due.is_set():
            self._due.set()
        return all([self.offer(one) for one in requests_of(entry)]) if apart else taken

    def _has_room(self, rows: int, size: int) -> bool:
        return not self._closed and self._rows + rows <= self._most_rows and self._size + size <= self._most_size

    def wait(self, seconds: float) -> None:
        """Return when a portion is full, an entry found no room, the queue was closed, or the time is over."""
        self._due.wait(seconds)

    @property
    def due(self) -> bool:
        """Whether a portion is full, an entry found no room since the last one went, or the queue was closed."""
        return self._due.is_set()

    def take(self) -> list[Entry]:
        """The next portion, oldest first; empty when nothing waits. For one thread only.

        It counts its entries without the lock, which those who answer need.
        """
        taken: list[Entry] = []
        rows = size = 0
        while self._next or self._fetch():
            first = self._next[0]
            if taken and (rows + first.rows.count > self._part_rows or size + first.size > self._part_size):
                break
            taken.append(self._next.popleft())
            rows += first.rows.count
            size += first.size
        with self._lock:
            self._rows -= rows
            self._size -= size
            if not self._closed and self._rows < self._part_rows and self._size < self._part_size:
                self._due.clear()
        return taken

    def _fetch(self) -> bool:
        """Move all that came to the empty list of the thread that takes."""
        with self._lock:
            self._next, self._entries = self._entries, self._next
        return bool(self._next)

    def close(self) -> None:
        """Take no more; what waits can still be taken."""
        with self._lock:
            self._closed = True
        self._due.set()

    @property
    def closed(self) -> bool:
        return self._closed

    def counts(self) -> QueueCounts:
        """All three at one moment."""
        with self._lock:
            return QueueCounts(self._logged, self._dropped, self._rows)
