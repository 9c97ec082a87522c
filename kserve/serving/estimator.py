"""Calls of the fitted estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from kfp_lifecycle.serving.predictions import LABELS, PROBABILITIES, Output, Predictions

if TYPE_CHECKING:
    import pandas as pd

    from kfp_lifecycle.core.model import Signature


def _split(estimator: Any) -> tuple[list[Any], Any]:
    """The transformers of a pipeline and its final step; of any other estimator none and itself.

    Calling them one by one is what ``Pipeline.predict`` does, without its routing of metadata for each call, and
    labels and probabilities then share the transformed rows.
    """
    steps = getattr(estimator, "steps", None)
    if not isinstance(estimator, Pipeline) or not steps or not hasattr(steps[-1][1], "predict"):
        return [], estimator
    return [step for _, step in steps[:-1] if step not in (None, "passthrough")], steps[-1][1]


def _labels_follow(final: Any) -> bool:
    """Whether a row's label is the class of its largest probability, wherever one is the largest.

    So it is where ``predict`` and ``predict_proba`` are monotone functions of the same scores, as in the sources of
    these classes; a subclass may do otherwise, and many classifiers do.
    """
    return type(final) in (
        HistGradientBoostingClassifier,
        GradientBoostingClassifier,
        RandomForestClassifier,
        ExtraTreesClassifier,
        DecisionTreeClassifier,
        LogisticRegression,
    )


def _labels_of(probabilities: np.ndarray[Any, Any], classes: Any) -> np.ndarray[Any, Any] | None:
    """The class of each row's largest probability; None where two are equal, which only the model can decide."""
    if probabilities.shape[1] == 2:
        first, second = probabilities[:, 0], probabilities[:, 1]
        ties, places = first == second, (second > first).astype(np.intp)
    else:
        largest = probabilities.max(axis=1, keepdims=True)
        ties, places = (probabilities == largest).sum(axis=1) != 1, probabilities.argmax(axis=1)
    return None if ties.any() else np.asarray(np.asarray(classes)[places])


class ServedEstimator:
    """A fitted estimator with the outputs that it can give.

    Attributes:
        available: names of the output tensors.
        together: the model gives labels and probabilities for the price of one.
        classes: the classes in the order of the probabilities' columns; None for a regression.
    """

    def __init__(self, estimator: Any, signature: Signature) -> None:
        self._transformers, self._final = _split(estimator)
        classification = signature.task == "classification"
        has_probabilities = classification and hasattr(estimator, "predict_proba")
        self.available = (LABELS, PROBABILITIES) if has_probabilities else (LABELS,)
        self.together = has_probabilities and _labels_follow(self._final)
        self.classes: list[Any] | None = None
        if classification:
            found = getattr(estimator, "classes_", None)
            self.classes = list(signature.classes or ()) if found is None else np.asarray(found).tolist()

    def parts(self, output: Output) -> tuple[str, ...]:
        """What the server answers with by default.

        Raises:
            ValueError: probabilities are asked for, but the model has none.
        """
        if PROBABILITIES in output.parts and PROBABILITIES not in self.available:
            raise ValueError(f"--output {output} needs a classifier with predict_proba; use --output labels")
        return output.parts

    def predict(self, frame: pd.DataFrame, parts: tuple[str, ...]) -> Predictions:
        """Answers to every row of the frame.

        Raises:
            ValueError: the model gave another number of answers than rows, or an answer that is not finite.
            Exception: whatever the estimator raises.
        """
        count = len(frame)
        labels = probabilities = None
        data: Any = frame
        for transformer in self._transformers:
            data = transformer.transform(data)
        if PROBABILITIES in parts:
            probabilities = np.asarray(self._final.predict_proba(data))
        if LABELS in parts:
            if probabilities is not None and self.together:
                labels = _labels_of(probabilities, self._final.classes_)
            if labels is None:
                labels = np.asarray(self._final.predict(data))
        for answers in (labels, probabilities):
            if answers is None:
                continue
            if answers.shape[0] != count:
                raise ValueError(f"the model gave {answers.shape[0]} answers to {count} rows")
            if answers.dtype.kind == "f" and not np.isfinite(answers).all():
                raise ValueError("the model gave an answer that is not a finite number")
        return Predictions(count, labels, probabilities, self.classes)
