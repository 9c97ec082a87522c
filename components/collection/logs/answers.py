"""The predictions of an answer: V1 ``{"predictions": [...]}`` or Open Inference (V2) ``{"outputs": [...]}``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.components.collection.logs.requests import Tensor, read_tensor
from kfp_lifecycle.components.collection.logs.values import Malformed, checked_text, checked_value, parse_json
from kfp_lifecycle.core.logged_rows import PREDICTION, SCORE, class_scores, class_text

# How far the probabilities of a row may be from one in sum, after a model in 16 or 32 bits.
_CLOSE = 1e-2
_LABEL_TYPES = (bool, int, float, str)


@dataclass(frozen=True)
class Answered:
    """What the model answered.

    Attributes:
        rows: how many predictions.
        columns: ``_prediction``, ``_score`` and the classes' scores; a class may still be a number or a truth value.
        model_version: which V2 names.
    """

    rows: int
    columns: dict[str, list[Any]]
    model_version: str | None = None


def read_answer(document: Any) -> Answered:
    """The predictions as columns.

    Rows of numbers that are no probabilities, as a model with several outputs gives, are not understood.

    Raises:
        Malformed: a body of something else.
    """
    if isinstance(document, dict) and isinstance(document.get("predictions"), list):
        answered = _from_v1(document)
    elif isinstance(document, dict) and isinstance(document.get("outputs"), list):
        answered = _from_v2(document)
    else:
        raise Malformed("an answer with neither predictions nor outputs")
    if not answered.rows:
        raise Malformed("an answer without a prediction")
    return answered


def _from_v1(document: dict[str, Any]) -> Answered:
    predictions, probabilities = document["predictions"], document.get("probabilities")
    if predictions and all(isinstance(row, list) for row in predictions):
        if all(len(row) == 1 for row in predictions):
            predictions = [row[0] for row in predictions]
        else:
            predictions, probabilities = None, predictions
    classes = document.get("classes")
    return Answered(
        len(document["predictions"]),
        _columns(predictions, probabilities, classes if isinstance(classes, list) else None),
    )


def _from_v2(document: dict[str, Any]) -> Answered:
    labels: Tensor | None = None
    scores: Tensor | None = None
    for tensor in map(read_tensor, document["outputs"]):
        if len(tensor.shape) == 2 and tensor.shape[1] > 1:
            scores = scores or tensor
        else:
            labels = labels or tensor
    if not labels and not scores:
        raise Malformed("outputs without a tensor")
    probabilities, classes = None, None
    if scores:
        width = scores.shape[1]
        probabilities = [scores.values[at : at + width] for at in range(0, len(scores.values), width)]
        named = scores.parameters.get("classes")
        classes = parse_json(named) if isinstance(named, str) else None
    version = document.get("model_version")
    return Answered(
        (labels or scores).shape[0],  # type: ignore[union-attr]
        _columns(labels.values if labels else None, probabilities, classes if isinstance(classes, list) else None),
        checked_text(version, "model_version") if isinstance(version, str) and version else None,
    )


def _columns(labels: Any, probabilities: Any, classes: Sequence[Any] | None) -> dict[str, list[Any]]:
    if labels is not None:
        labels = [checked_value(label, "predictions") for label in labels]
    rows = None if probabilities is None else _probabilities(probabilities)
    if rows is None:
        # A class without probabilities has no score; a regression's value is its score.
        return {PREDICTION: labels, SCORE: [value if type(value) is float else None for value in labels]}
    width = len(rows[0])
    if labels is None:
        named = classes if classes and len(classes) == width else None
        labels = [_class(named[row.index(max(row))]) if named else None for row in rows]
    if len(labels) != len(rows):
        raise Malformed(f"{len(labels)} predictions with {len(rows)} rows of probabilities")
    columns: dict[str, list[Any]] = {
        PREDICTION: [None if label is None else class_text(label) for label in labels],
        SCORE: [row[1] if width == 2 else max(row) for row in rows],
    }
    for number, name in enumerate(class_scores(width)):
        columns[name] = [row[number] for row in rows]
    return columns


def _probabilities(rows: Any) -> list[list[float]]:
    if not isinstance(rows, list) or not rows:
        raise Malformed("probabilities that are no rows")
    for row in rows:
        if not isinstance(row, list) or len(row) != len(rows[0]) or len(row) < 2:
            raise Malformed("probabilities that are no rows of one length")
        if any(isinstance(part, bool) or not isinstance(part, int | float) for part in row):
            raise Malformed("probabilities that are no numbers")
        if min(row) < 0 or not math.isclose(math.fsum(row), 1, abs_tol=_CLOSE):
            raise Malformed("rows of numbers that are no probabilities")
    return [[float(part) for part in row] for row in rows]


def _class(value: Any) -> Any:
    if not isinstance(value, _LABEL_TYPES):
        raise Malformed("classes that are no labels")
    return checked_value(value, "classes")
