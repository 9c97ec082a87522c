"""The constant answer that a model has to beat: scikit-learn's dummy, fitted on the candidate's training labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor

from kfp_lifecycle.core.answers import Answers
from kfp_lifecycle.core.sketches import CategorySketch, NumberSketch, Sketch

if TYPE_CHECKING:
    import numpy.typing as npt

    from kfp_lifecycle.core.signature import Signature


def constant_answers(label: Sketch, truth: npt.NDArray[Any], signature: Signature, metric: str) -> Answers:
    """The dummy's answers to every row of ``truth``.

    A classification gets the shares of the classes among the training rows, and the most frequent class; a regression
    their mean, or their median where the metric is the absolute error, which the median makes smallest.

    Args:
        label: the profile's sketch of the training labels.
        truth: the holdout's labels as ``core.answers`` takes them.
        signature: the candidate's.
        metric: name of the metric.
    """
    rows = np.zeros((len(truth), 1))
    if isinstance(label, CategorySketch) and signature.classes is not None:
        count = len(signature.classes)
        # A class beyond those that the sketch counts is rare.
        weights = [label.counts.get(str(name), 1) for name in signature.classes]
        dummy = DummyClassifier(strategy="prior").fit(np.zeros((count, 1)), np.arange(count), sample_weight=weights)
        probabilities = dummy.predict_proba(rows)
        ranks = probabilities[:, 1] if count == 2 else None
        return Answers(truth, dummy.predict(rows), probabilities, ranks, count)
    if not isinstance(label, NumberSketch):
        raise ValueError(f"the profile's label is a {label.kind} sketch: expected that of a {signature.task}")
    value = label.quantiles[len(label.quantiles) // 2] if metric == "mae" else label.mean
    dummy = DummyRegressor(strategy="constant", constant=value).fit(np.zeros((1, 1)), [value])
    return Answers(truth, dummy.predict(rows))
