"""A model's answers beside the truth, in the form that metrics take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from kfp_lifecycle.core.signature import Label, Signature

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """What a model says of some rows, and what is true of them.

    Attributes:
        truth: the class's number in the signature's order, or the value of a regression.
        values: the predicted class's number, or the predicted value.
        probabilities: one column per class; None where the model gives none.
        ranks: a score that grows with the positive class of two; None where there is none.
        classes: number of classes; 0 for a regression.
    """

    truth: npt.NDArray[Any]
    values: npt.NDArray[Any]
    probabilities: Floats | None = None
    ranks: Floats | None = None
    classes: int = 0


def class_numbers(values: npt.NDArray[Any], classes: Sequence[Label], parameter: str) -> npt.NDArray[np.int64]:
    """Labels as their numbers in ``classes``.

    Raises:
        InputError: a label that is no class, or is missing.
    """
    numbers = {label: number for number, label in enumerate(classes)}
    found = [numbers.get(value, -1) for value in values.tolist()]
    if -1 in found:
        raise InputError(
            parameter,
            values[found.index(-1)],
            f"one of the model's classes {list(classes)}",
            "Train on rows that hold every class, or leave the other rows out.",
        )
    return np.array(found, dtype=np.int64)


def truth_of(labels: pd.Series, signature: Signature) -> npt.NDArray[Any]:
    """The label column of a table as ``Answers.truth``.

    Raises:
        InputError: a label is missing, of another type, or no class of the model.
    """
    missing = int(labels.isna().sum())
    if missing:
        raise InputError(
            signature.label, f"{missing} missing labels", "a label in every row", "Leave rows without a label out."
        )
    if signature.classes is not None:
        return class_numbers(labels.to_numpy(), signature.classes, signature.label)
    try:
        return labels.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(signature.label, str(labels.dtype), "numbers", "A regression learns numbers.") from error


def _spread(columns: Any, own: Sequence[Any], classes: Sequence[Label]) -> Floats:
    """Probabilities by the estimator's own classes, laid out by ours; a class it never saw has probability 0."""
    wide = np.zeros((len(columns), len(classes)))
    for column, label in enumerate(own):
        wide[:, classes.index(label)] = columns[:, column]
    return wide


def _batched(call: Any, inputs: pd.DataFrame) -> npt.NDArray[Any]:
    # Memory of a prediction is bounded: an encoded block of rows can be much wider than the rows.
    step = 50_000
    parts = [np.asarray(call(inputs.iloc[start : start + step])) for start in range(0, max(len(inputs), 1), step)]
    return np.concatenate(parts)


def answers_of(model: Any, inputs: pd.DataFrame, truth: npt.NDArray[Any], signature: Signature) -> Answers:
    """Ask a fitted model about rows.

    Args:
        model: a fitted scikit-learn estimator.
        inputs: what ``core.inputs.model_inputs`` gives.
        truth: what ``truth_of`` gives.
        signature: the model's signature.
    """
    if signature.classes is None:
        return Answers(truth, _batched(model.predict, inputs).astype(np.float64).ravel())
    own = np.asarray(model.classes_).tolist()
    if hasattr(model, "predict_proba"):
        probabilities = _spread(_batched(model.predict_proba, inputs), own, signature.classes)
        ranks = probabilities[:, 1] if len(signature.classes) == 2 else None
        values = class_numbers(_batched(model.predict, inputs), signature.classes, signature.label)
        return Answers(truth, values, probabilities, ranks, len(signature.classes))
    values = class_numbers(_batched(model.predict, inputs), signature.classes, signature.label)
    ranks = None
    if len(signature.classes) == 2 and len(own) == 2 and hasattr(model, "decision_function"):
        ranks = _batched(model.decision_function, inputs).astype(np.float64)
    return Answers(truth, values, None, ranks, len(signature.classes))
