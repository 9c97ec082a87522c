"""The bounded line between those who answer and the one who writes."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kfp_lifecycle.serving.request_marks import RequestMarks
from kfp_lifecycle.serving.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kfp_lifecycle.serving.predictions import Predictions

# What these take in memory, measured: a decoded value and its place in a list, beside its text; a list; all the rest.
_VALUE_BYTES, _LIST_BYTES, _ENTRY_BYTES = 64, 64, 512


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


def memory_of(rows: Rows, body_bytes: int) -> int:
    """About how many bytes decoded rows take that came in so many bytes of JSON."""
    return len(rows.columns) * (rows.count * _VALUE_BYTES + _LIST_BYTES) + body_bytes + _ENTRY_BYTES


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
        self._lock = threading.Lock()
        # Set only when a portion is full, so that an entry costs no wake-up.
        self._due = threading.Event()
        self._rows = self._size = self._logged = self._dropped = 0
        self._closed = False

    def offer(self, entry: Entry) -> bool:
        """Take an entry, or drop and count it; safe from any thread."""
        rows = entry.rows.count
        with self._lock:
            if self._closed or self._rows + rows > self._most_rows or (self._size + entry.size > self._most_size):
                self._dropped += rows
                return False
            self._entries.append(entry)
            self._rows += rows
            self._size += entry.size
            self._logged += rows
            full = self._rows >= self._part_rows or self._size >= self._part_size
        if full and not self._due.is_set():
            self._due.set()
        return True

    def wait(self, seconds: float) -> None:
        """Return when a portion is full, the queue was closed, or the time is over."""
        self._due.wait(seconds)

    @property
    def due(self) -> bool:
        """Whether a portion is full, or the queue was closed."""
        return self._due.is_set()

    def take(self) -> list[Entry]:
        """The next portion, oldest first; empty when nothing waits."""
        taken: list[Entry] = []
        rows = size = 0
        with self._lock:
            while self._entries:
                first = self._entries[0]
                if taken and (rows + first.rows.count > self._part_rows or size + first.size > self._part_size):
                    break
                taken.append(self._entries.popleft())
                rows += first.rows.count
                size += first.size
            self._rows -= rows
            self._size -= size
            if not self._closed and self._rows < self._part_rows and self._size < self._part_size:
                self._due.clear()
        return taken

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
