"""The columns of logged predictions: what the predictor writes, ``score`` makes, ``collect`` reads, ``monitor`` judges.

Features keep their own names. The names here begin with an underscore, so that they meet no feature of the usual kind.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

REQUEST_ID = "_request_id"
ROW = "_row"
EVENT_TIME = "_event_time"
ARRIVAL_TIME = "_arrival_time"
REVISION = "_revision"
MODEL_VERSION = "_model_version"
STATUS = "_status"
PREDICTION = "_prediction"
# The positive class's probability of two, the largest of more classes, or the predicted value of a regression.
SCORE = "_score"
# One a class where there are more than two, numbered in the signature's order.
CLASS_SCORE = "_score_{}"

# The ids of requests that steps send to prove or compare versions begin with this. They are nobody's, and not logged.
CHECK_ID = "kfp-lifecycle-check-"

LOG_COLUMNS = (REQUEST_ID, ROW, EVENT_TIME, ARRIVAL_TIME, REVISION, MODEL_VERSION, STATUS, PREDICTION, SCORE)


def class_scores(classes: int) -> tuple[str, ...]:
    """The columns of the classes' probabilities; empty where ``_score`` says it all."""
    return tuple(CLASS_SCORE.format(number) for number in range(classes)) if classes > 2 else ()


def log_types(classes: bool = True) -> dict[str, pa.DataType]:
    """The stored types of ``LOG_COLUMNS``, in their order.

    Args:
        classes: whether the model predicts classes, whose names are text, or a number.
    """
    import pyarrow as pa

    text, time = pa.string(), pa.timestamp("us", "UTC")
    return {
        REQUEST_ID: text,
        ROW: pa.int64(),
        EVENT_TIME: time,
        ARRIVAL_TIME: time,
        REVISION: text,
        MODEL_VERSION: text,
        STATUS: pa.int64(),
        PREDICTION: text if classes else pa.float64(),
        SCORE: pa.float64(),
    }


def class_text(label: str | int | float | bool) -> str:
    """A class as ``_prediction`` holds it: a text as it is, any other value as JSON writes it (1, 2.5, true)."""
    return label if isinstance(label, str) else json.dumps(label)
