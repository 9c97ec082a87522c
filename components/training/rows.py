"""The training rows, ready to be learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.components.training.columns import candidate_columns, choose_columns
from kfp_lifecycle.components.training.labels import Target, detect_task, read_target
from kfp_lifecycle.components.training.request import Request
from kfp_lifecycle.core.answers import class_numbers
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.inputs import model_inputs
from kfp_lifecycle.core.signature import Signature
from kfp_lifecycle.core.table import read_frame, read_schema

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd


@dataclass(frozen=True)
class TrainingRows:
    """A table as a model learns from it.

    Attributes:
        frame: all columns of the table.
        inputs: the model's inputs.
        target: the label.
        truth: the label as ``core.answers`` takes it.
        times: the event times in UTC; None without a time column.
        signature: of the model to be made.
        notes: a line for each column that was dropped or looks wrong.
    """

    frame: pd.DataFrame
    inputs: pd.DataFrame
    target: Target
    truth: npt.NDArray[Any]
    times: pd.Series | None
    signature: Signature
    notes: tuple[str, ...]


def _times(frame: pd.DataFrame, column: str) -> pd.Series | None:
    import pandas as pd

    if not column:
        return None
    times = pd.to_datetime(frame[column], utc=True)
    if missing := int(times.isna().sum()):
        raise InputError("time_column", column, f"a time in every row; {missing} have none", "Leave those rows out.")
    return times


def read_rows(request: Request, directory: str) -> TrainingRows:
    """Read the table and refuse what cannot be learned from, before anything is fitted or logged.

    Raises:
        InputError: names the column and what is wrong with it.
    """
    schema = read_schema(directory)
    names = candidate_columns(schema, request.label, request.features, request.exclude, request.time_column)
    frame = read_frame(directory)
    labels = frame[request.label]
    task = detect_task(request.task, labels, request.prototype)
    target = read_target(request.label, labels, task)
    columns, notes = choose_columns(frame, schema, names, request.features)
    classes = target.classes
    signature = Signature(
        task=task,
        label=request.label,
        classes=classes,
        columns=tuple(columns),
        estimator=request.estimator,
        positive_class=classes[1] if classes is not None and len(classes) == 2 else None,
    )
    truth = target.values if classes is None else class_numbers(target.values, classes, request.label)
    inputs = model_inputs(frame, signature)
    return TrainingRows(frame, inputs, target, truth, _times(frame, request.time_column), signature, tuple(notes))
