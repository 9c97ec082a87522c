"""The log of what the model was asked and what it answered.

Whoever answers offers rows to a bounded queue and goes on; one thread makes Parquet parts of them. Nothing here can
fail or delay a prediction: what finds no room, or no store, is counted and lost.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from kfp_lifecycle.serving.payload_log_parts import Part, parts_of, revision_of, writer_name
from kfp_lifecycle.serving.payload_log_queue import Entry, PayloadQueue, memory_of
from kfp_lifecycle.serving.payload_log_scores import Predict, with_all_parts
from kfp_lifecycle.serving.payload_log_store import payload_log_store
from kfp_lifecycle.serving.payload_log_table import LogShape, log_table
from kfp_lifecycle.serving.payload_log_writer import SECONDS_BETWEEN_WARNINGS, PayloadWriter

if TYPE_CHECKING:
    from kfp_lifecycle.core.signature import Signature
    from kfp_lifecycle.serving.estimator import ServedEstimator
    from kfp_lifecycle.serving.payload_log_settings import PayloadLogSettings
    from kfp_lifecycle.serving.predictions import Predictions
    from kfp_lifecycle.serving.request_marks import RequestMarks
    from kfp_lifecycle.serving.rows import Rows

logger = logging.getLogger("kfp_lifecycle.serving")

_MEGABYTE = 1 << 20


class PayloadLog:
    """A queue and its writer.

    Args:
        queue: bounded.
        writer: takes from it.
    """

    def __init__(self, queue: PayloadQueue, writer: PayloadWriter) -> None:
        self._queue = queue
        self._writer = writer
        self._ignored = 0
        self._told_at = -SECONDS_BETWEEN_WARNINGS

    def offer(
        self,
        marks: Sequence[RequestMarks],
        counts: Sequence[int],
        rows: Rows,
        status: int,
        predictions: Predictions | None,
        *,
        fit: bool,
        body_bytes: int,
    ) -> None:
        """Log the rows of requests that got the same status; see ``Entry``."""
        size = memory_of(rows, body_bytes, predictions)
        if not self._queue.offer(Entry(marks, counts, rows, status, predictions, fit, size)):
            self._tell_drop()

    def ignore(self) -> None:
        """Count a request that is not logged."""
        self._ignored += 1

    def _tell_drop(self) -> None:
        """Say that rows are lost, once a minute at most; the writer cannot while it waits for the store."""
        now = time.monotonic()
        if not self._queue.closed and now - self._told_at >= SECONDS_BETWEEN_WARNINGS:
            self._told_at = now
            logger.warning("payload log: rows find no room in the queue and are dropped")

    def counts(self) -> dict[str, int]:
        """Rows logged, dropped, written, failed and waiting, and requests ignored."""
        # In this order, so that nothing is written before it was logged.
        done = {"written": self._writer.written, "failed": self._writer.failed}
        return {**asdict(self._queue.counts()), **done, "ignored": self._ignored}

    def close(self, seconds: float) -> None:
        """Write what waits, for at most so long, and say how it all went in one line."""
        if not self._writer.close(seconds):
            logger.error("payload log: not everything was written within %g s", seconds)
        counts = self.counts()
        lost = counts["logged"] - counts["written"]
        logger.info("payload log: %d rows written, %d dropped, %d lost", counts["written"], counts["dropped"], lost)


def open_payload_log(
    settings: PayloadLogSettings,
    *,
    service: str,
    version: str,
    signature: Signature,
    estimator: ServedEstimator,
    predict: Predict,
    queue_rows: int,
    part_rows: int,
    megabytes: int,
    prepare: Callable[[], None] = lambda: None,
) -> PayloadLog:
    """Begin to log.

    Args:
        service: the folder below the root.
        estimator, predict: of the model, which is called once more for what no request asked for.
        queue_rows, megabytes: most rows, and about how much memory, may wait.
        part_rows: a part is written when so many wait, or half of ``queue_rows``, so that others find room meanwhile.
        prepare: called first in the writing thread.
    """
    revision = revision_of()
    shape = LogShape(signature, settings, estimator.classes, revision, version)

    def encode(entries: Sequence[Entry]) -> list[Part]:
        return parts_of(log_table(with_all_parts(entries, estimator.available, predict), shape))

    part_rows = max(1, min(part_rows, queue_rows // 2))
    queue = PayloadQueue(
        rows=queue_rows, size=megabytes * _MEGABYTE, part_rows=part_rows, part_size=megabytes * _MEGABYTE // 4
    )
    store = payload_log_store(settings.root, service)
    name = writer_name(revision)
    return PayloadLog(queue, PayloadWriter(queue, encode, store, name=name, seconds=settings.seconds, prepare=prepare))
