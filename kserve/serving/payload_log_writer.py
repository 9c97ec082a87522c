"""The thread that turns what waits into parts, and gives them to the store."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from kfp_lifecycle.serving.payload_log_parts import Part
from kfp_lifecycle.serving.payload_log_queue import Entry, PayloadQueue

logger = logging.getLogger("kfp_lifecycle.serving")

SECONDS_BETWEEN_WARNINGS = 60.0

Encode = Callable[[Sequence[Entry]], list[Part]]
Store = Callable[[str, bytes], object]


class PayloadWriter:
    """Writes until the queue is closed and empty. What cannot be written is counted and left behind.

    Args:
        queue: where entries wait.
        encode: makes the parts of a portion.
        store: puts bytes under a name below the service's folder; what it raises means that they are not there.
        name: of this writer, unique to the start of the server.
        seconds: between two portions, at most.
        prepare: called first in the thread.

    Attributes:
        written, failed: rows since the start.
    """

    def __init__(
        self,
        queue: PayloadQueue,
        encode: Encode,
        store: Store,
        *,
        name: str,
        seconds: float,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self.written = 0
        self.failed = 0
        self._queue = queue
        self._encode = encode
        self._store = store
        self._name = name
        self._seconds = seconds
        self._prepare = prepare
        self._sequence = 0
        self._failing = False
        self._told_dropped, self._told_at = 0, -SECONDS_BETWEEN_WARNINGS
        self._thread = threading.Thread(target=self._work, name="payload-log", daemon=True)
        self._thread.start()

    def close(self, seconds: float) -> bool:
        """Take no more, write what waits, and end; False when that was not done in time."""
        self._queue.close()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        self._prepare()
        while True:
            self._queue.wait(self._seconds)
            # Read before the last look: nothing can come after it then.
            closed = self._queue.closed
            while entries := self._queue.take():
                self._write(entries)
                self._tell_drops()
                if not self._queue.due:
                    break
            if closed:
                return

    def _write(self, entries: Sequence[Entry]) -> None:
        left = sum(entry.rows.count for entry in entries)
        try:
            for part in self._encode(entries):
                self._sequence += 1
                self._store(f"{part.hour}/{self._name}-{self._sequence:06d}.parquet", part.content)
                self.written += part.rows
                left -= part.rows
        except Exception as error:  # noqa: BLE001 - whatever a store does, predictions and later parts go on
            self.failed += left
            if not self._failing:
                logger.error("payload log: parts cannot be written, so rows are lost from now on: %s", error)
            self._failing = True
            return
        if self._failing:
            logger.warning("payload log: parts are written again; %d rows were lost so far", self.failed)
        self._failing = False

    def _tell_drops(self) -> None:
        dropped, now = self._queue.counts().dropped, time.monotonic()
        if dropped > self._told_dropped and now - self._told_at >= SECONDS_BETWEEN_WARNINGS:
            logger.warning("payload log: the queue was full, and %d rows were dropped so far", dropped)
            self._told_dropped, self._told_at = dropped, now
