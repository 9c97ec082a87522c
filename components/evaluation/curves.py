"""Curves and matrices as KFP's ClassificationMetrics and the report show them: finite, and few points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import confusion_matrix, roc_curve

from kfp_lifecycle.core.answers import Answers

if TYPE_CHECKING:
    from kfp_lifecycle.core.signature import Label

# Every point is metadata of the artifact, and travels with it.
POINTS = 200
CLASSES = 30


def roc_points(answers: Answers) -> list[tuple[float, float, float]]:
    """At most 200 points (false positive rate, true positive rate, threshold), evenly spread along the curve.

    Empty where there is no curve: more than two classes, no score, or rows of one class.
    """
    if answers.ranks is None or len(np.unique(answers.truth)) < 2:
        return []
    false, true, thresholds = roc_curve(answers.truth == 1, answers.ranks)
    # scikit-learn starts at infinity, which KFP cannot store; above the highest score nothing is positive either way.
    thresholds[0] = np.nextafter(answers.ranks.max(), np.inf)
    if len(false) > POINTS:
        length = np.r_[0.0, np.cumsum(np.abs(np.diff(false)) + np.abs(np.diff(true)))]
        chosen = np.unique(np.searchsorted(length, np.linspace(0.0, length[-1], POINTS)))
        false, true, thresholds = false[chosen], true[chosen], thresholds[chosen]
    return [(float(x), float(y), float(t)) for x, y, t in zip(false, true, thresholds, strict=True)]


def confusion(answers: Answers) -> list[list[int]]:
    """Rows by true class, columns by predicted class."""
    found = confusion_matrix(answers.truth, answers.values, labels=np.arange(answers.classes))
    return [[int(count) for count in row] for row in found]


def kfp_curves(answers: Answers, classes: Sequence[Label]) -> dict[str, Any]:
    """The metadata that ``log_roc_curve`` and ``log_confusion_matrix`` of KFP's artifact would write.

    A matrix of more than 30 classes is left out: nobody reads it, and it would travel with the artifact.
    """
    content: dict[str, Any] = {}
    if len(classes) <= CLASSES:
        content["confusionMatrix"] = {
            "annotationSpecs": [{"displayName": str(name)} for name in classes],
            "rows": [{"row": row} for row in confusion(answers)],
        }
    points = roc_points(answers)
    if points:
        content["confidenceMetrics"] = [
            {"confidenceThreshold": threshold, "recall": true, "falsePositiveRate": false}
            for false, true, threshold in points
        ]
    return content
