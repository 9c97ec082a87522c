"""Parts of our own payload log, made by what the predictor makes them with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from tests.components.collection.log_records import NOON

from kfp_lifecycle.core.model import Column, Signature
from kfp_lifecycle.serving.payload_log_parts import parts_of, writer_name
from kfp_lifecycle.serving.payload_log_queue import Entry
from kfp_lifecycle.serving.payload_log_settings import PayloadLogSettings
from kfp_lifecycle.serving.payload_log_table import LogShape, log_table
from kfp_lifecycle.serving.predictions import Predictions
from kfp_lifecycle.serving.request_marks import RequestMarks
from kfp_lifecycle.serving.rows import Rows

COLUMNS = (Column("n", "integer", True), Column("hour", "number", True))
SHAPE = LogShape(
    Signature("classification", "late", ("no", "yes"), COLUMNS, "x", "yes"),
    PayloadLogSettings("/logs"),
    ("no", "yes"),
    "flights-predictor-00002",
    "3",
)


def entry(
    request: str,
    numbers: Sequence[int],
    *,
    arrival: datetime = NOON,
    event_time: str = "",
    status: int = 200,
) -> Entry:
    """A request of several rows, whose feature ``n`` tells them apart."""
    answered = None
    if status == 200:
        scores = np.array([[0.75, 0.25]] * len(numbers))
        answered = Predictions(len(numbers), np.array(["no"] * len(numbers)), scores, ["no", "yes"])
    marks = [RequestMarks(request, event_time, arrival.timestamp())]
    columns = [list(numbers), [float(number) for number in numbers]]
    return Entry(marks, [len(numbers)], Rows(len(numbers), columns), status, answered, True, 0)


def put_log(workshop: Any, *entries: Entry, service: str = "flights", shape: LogShape = SHAPE) -> list[str]:
    """One start of a predictor that logs the entries; the URIs of its parts."""
    name = writer_name(shape.revision)
    parts = parts_of(log_table(list(entries), shape))
    return [
        workshop.put(f"{service}/{part.hour}/{name}-{number:06d}.parquet", part.content)
        for number, part in enumerate(parts, 1)
    ]
