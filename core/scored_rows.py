"""The rows of a batch prediction: an input's columns, and beside them what a model says of each row.

The columns bear the names of logged predictions, so that ``monitor`` judges both alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.core import logged_rows as names
from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from kfp_lifecycle.core.answers import Answers
    from kfp_lifecycle.core.signature import Signature

# What a served row that was answered has, too.
_ANSWERED = 200


def scored_schema(given: pa.Schema, signature: Signature, time_column: str) -> pa.Schema:
    """The input's columns, then the row's number, its event time if a column holds it, and the answer.

    Raises:
        InputError: a column of the input bears one of these names, or the time column is absent or holds no times.
    """
    import pyarrow as pa

    types = names.log_types(signature.classes is not None)
    scores = dict.fromkeys(names.class_scores(len(signature.classes or ())), pa.float64())
    wanted = [names.ROW, names.EVENT_TIME, names.MODEL_VERSION, names.STATUS, names.PREDICTION, names.SCORE, *scores]
    if not _adds_event_time(given, time_column):
        wanted.remove(names.EVENT_TIME)
    added = [pa.field(name, (types | scores)[name]) for name in wanted]
    for field in added:
        if field.name in given.names:
            raise InputError(
                "columns",
                field.name,
                "rows without the columns of predictions",
                "Name the columns to read and leave this one out, or rename it in the source.",
            )
    return pa.schema([*given, *added])


def scored_batch(
    batch: pa.RecordBatch,
    first: int,
    answers: Answers,
    signature: Signature,
    schema: pa.Schema,
    version: str,
    time: str,
) -> pa.RecordBatch:
    """The rows of a batch with their answers, as ``scored_schema`` says.

    Args:
        first: the number of the first row in the whole table.
        time: the column of event time; empty when there is none.

    Raises:
        ValueError: the model gave another number of answers than rows, or one that is not finite.
    """
    import pyarrow as pa

    rows = batch.num_rows
    _check(answers, first, rows)
    made = {
        names.ROW: pa.array(np.arange(first, first + rows), pa.int64()),
        names.MODEL_VERSION: pa.repeat(version, rows),
        names.STATUS: pa.repeat(pa.scalar(_ANSWERED, pa.int64()), rows),
        names.PREDICTION: _predictions(answers, signature),
        names.SCORE: _column(_scores(answers, signature), rows),
    }
    if time and time != names.EVENT_TIME:
        made[names.EVENT_TIME] = _instants(batch.column(time), schema.field(names.EVENT_TIME).type)
    for number, name in enumerate(names.class_scores(answers.classes)):
        made[name] = _column(None if answers.probabilities is None else answers.probabilities[:, number], rows)
    columns = [made[field.name] if field.name in made else batch.column(field.name) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _adds_event_time(given: pa.Schema, time_column: str) -> bool:
    """Whether the rows get a column of event time; not without a time column, or where one bears that name already."""
    import pyarrow.types as types

    if not time_column:
        return False
    kind = given.field(time_column).type if time_column in given.names else None
    if kind is None or not (types.is_timestamp(kind) or types.is_date(kind)):
        raise InputError(
            "time_column",
            time_column,
            f"a column of dates or times, found {kind or 'no such column'}",
            "Give collect the same time_column: it reads times that are spelled as text.",
        )
    return time_column != names.EVENT_TIME


def _instants(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Dates and times as instants to the microsecond, rounded down."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    if types.is_timestamp(column.type):
        # A plain cast refuses the digits beyond the microsecond.
        return (pc.floor_temporal(column, unit="microsecond") if column.type.unit == "ns" else column).cast(kind)
    # A date has no zone, so its midnight is given one in a second step.
    return column.cast(pa.timestamp("us")).cast(kind)


def _predictions(answers: Answers, signature: Signature) -> pa.Array:
    """A regression's values, or the text of the predicted classes."""
    import pyarrow as pa

    if signature.classes is None:
        return pa.array(answers.values, pa.float64())
    texts = np.array([names.class_text(label) for label in signature.classes], dtype=object)
    return pa.array(texts[answers.values], pa.string())


def _scores(answers: Answers, signature: Signature) -> npt.NDArray[np.float64] | None:
    """The predicted value, or the probability that ``_score`` stands for; None where the model gives none."""
    if signature.classes is None:
        return np.asarray(answers.values, dtype=np.float64)
    if answers.probabilities is None:
        return None
    if len(signature.classes) != 2:
        return np.asarray(answers.probabilities.max(axis=1))
    positive = signature.classes[1] if signature.positive_class is None else signature.positive_class
    return np.asarray(answers.probabilities[:, signature.classes.index(positive)])


def _column(values: npt.NDArray[np.float64] | None, rows: int) -> pa.Array:
    import pyarrow as pa

    return pa.nulls(rows, pa.float64()) if values is None else pa.array(values, pa.float64())


def _check(answers: Answers, first: int, rows: int) -> None:
    if len(answers.values) != rows:
        raise ValueError(f"the model gave {len(answers.values)} answers to {rows} rows")
    for values in (answers.values, answers.probabilities):
        if values is None:
            continue
        finite = np.isfinite(values).reshape(rows, -1).all(axis=1)
        if not finite.all():
            raise ValueError(f"the model's answer to row {first + int(np.argmin(finite))} is not a finite number")
