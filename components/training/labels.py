"""The label: what is learned from it, and whether it can be.

``task="auto"`` goes by the estimator: a classifier classifies, a regressor regresses. For the user's own code it goes
by the label: booleans, text, and whole numbers with at most 20 distinct values are classes; other numbers are values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from sklearn.base import is_classifier

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.signature import Label, Task

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

CLASSES_AT_MOST = 20
MIN_ROWS = 10
MIN_CLASS_ROWS = 2


@dataclass(frozen=True)
class Target:
    """The label as an estimator takes it.

    Attributes:
        task: what is learned.
        values: one per row: booleans, whole numbers or text of a classification, floats of a regression.
        classes: sorted, of a classification.
    """

    task: Task
    values: npt.NDArray[Any]
    classes: tuple[Label, ...] | None


def detect_task(task: str, labels: pd.Series, estimator: Any | None) -> Task:
    """See the module.

    Args:
        task: ``auto``, ``classification`` or ``regression``.
        labels: the label column.
        estimator: an unfitted estimator; None for the user's own code.

    Raises:
        InputError: an unknown task, or not the estimator's.
    """
    if task not in ("auto", *get_args(Task)):
        raise InputError("task", task, "auto, classification or regression", "Correct it.")
    own: Task | None = None
    if estimator is not None:
        own = "classification" if is_classifier(estimator) else "regression"
    if task == "auto":
        return own or ("classification" if _looks_like_classes(labels) else "regression")
    if own not in (None, task):
        other = "Classifier" if task == "classification" else "Regressor"
        raise InputError("task", task, f"{own}, which {type(estimator).__name__} does", f"Choose a {other}.")
    return "classification" if task == "classification" else "regression"


def _looks_like_classes(labels: pd.Series) -> bool:
    if labels.dtype.kind in "bO":
        return True
    return _whole(labels) and labels.nunique() <= CLASSES_AT_MOST


def _whole(labels: pd.Series) -> bool:
    return labels.dtype.kind in "iu" or bool(np.all(labels.to_numpy(dtype=np.float64) % 1 == 0))


def _require_labels(name: str, labels: pd.Series) -> None:
    if len(labels) < MIN_ROWS:
        raise InputError("table", f"{len(labels)} rows", f"at least {MIN_ROWS} rows", "Collect more rows.")
    missing = int(labels.isna().sum())
    if missing:
        raise InputError(
            "label", name, f"a value in every row; {missing} of {len(labels)} have none",
            "Leave rows without a label out before training.",
        )  # fmt: skip
    if labels.dtype.kind in "fiub":
        return
    if labels.dtype.kind == "O" and all(isinstance(value, str | bool) for value in labels.unique()):
        return
    raise InputError("label", name, f"booleans, numbers or text, not {labels.dtype}", "Convert the label before.")


def _classes(name: str, labels: pd.Series) -> npt.NDArray[Any]:
    if labels.dtype.kind == "f":
        if not _whole(labels):
            raise InputError(
                "label", name, f"classes, not {labels.nunique()} fractions", "Choose a Regressor or make classes of it."
            )
        labels = labels.astype(np.int64)
    values = labels.to_numpy()
    counts = labels.value_counts()
    if len(counts) < 2:
        raise InputError(
            "label", name, f"at least two classes; every row is {counts.index[0]!r}", "Collect rows of another class."
        )
    if counts.iloc[-1] < MIN_CLASS_ROWS:
        raise InputError(
            "label", name, f"at least {MIN_CLASS_ROWS} rows of each class; {counts.index[-1]!r} has one",
            "Leave the class out, join it with another, or collect more of it.",
        )  # fmt: skip
    return values


def read_target(name: str, labels: pd.Series, task: Task) -> Target:
    """The label column of a task.

    Raises:
        InputError: too few rows, missing labels, one class only, a class with one row, or text in a regression.
    """
    _require_labels(name, labels)
    if task == "classification":
        values = _classes(name, labels)
        return Target(task, values, tuple(sorted(np.unique(values).tolist())))
    if labels.dtype.kind == "O":
        raise InputError("label", name, "numbers, which a regression learns", "Choose a Classifier.")
    numbers = labels.to_numpy(dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise InputError("label", name, "finite numbers", "Leave rows with an infinite label out.")
    if numbers.min() == numbers.max():
        raise InputError("label", name, f"values that differ; every row is {numbers[0]}", "Collect other rows too.")
    return Target(task, numbers, None)
