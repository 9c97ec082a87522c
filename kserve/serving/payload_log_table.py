"""Entries of the payload log as an Arrow table: features by name in the signature's types, then the log's columns."""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kfp_lifecycle.core import logged_rows as names
from kfp_lifecycle.serving.payload_log_queue import Entry
from kfp_lifecycle.serving.request_marks import event_microseconds, microseconds

if TYPE_CHECKING:
    from kfp_lifecycle.core.signature import Label, Signature
    from kfp_lifecycle.serving.payload_log_settings import PayloadLogSettings

_TYPES = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "category": pa.string()}
_TIME = pa.timestamp("us", "UTC")
_PIECE_ROWS = 1024
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class LogShape:
    """What makes a table of entries, beside the entries.

    Attributes:
        classes: in the order of the probabilities' columns; None for a regression.
        revision, version: of this server, the same in every row.
    """

    signature: Signature
    settings: PayloadLogSettings
    classes: Sequence[Label] | None
    revision: str
    version: str


def log_table(entries: Sequence[Entry], shape: LogShape) -> pa.Table:
    """One row per row of the entries, in order.

    A value that its column cannot hold is null; only a request that was refused for it brings one. The table is made
    piece by piece, because no other thread runs while Arrow reads a list.
    """
    pieces = [{**_features(piece, shape), **_own_columns(piece, shape)} for piece in _pieces(entries)]
    return pa.concat_tables([pa.table(piece) for piece in pieces])


def _pieces(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    piece: list[Entry] = []
    rows = 0
    for entry in entries:
        if piece and rows + entry.rows.count > _PIECE_ROWS:
            yield piece
            piece, rows = [], 0
        piece.append(entry)
        rows += entry.rows.count
    if piece:
        yield piece


def _features(entries: Sequence[Entry], shape: LogShape) -> dict[str, pa.Array]:
    found = {}
    for place, column in enumerate(shape.signature.columns):
        if column.name in shape.settings.exclude:
            continue
        values = list(
            chain.from_iterable(
                entry.rows.columns[place] if entry.fit else _fitting(column.type, entry.rows.columns[place])
                for entry in entries
            )
        )
        if column.name in shape.settings.hashed:
            found[column.name] = pa.array(_hashes(column.type, values, shape.settings.key), pa.string())
        else:
            found[column.name] = _array(column.type, values)
    return found


def _array(kind: str, values: list[Any]) -> pa.Array:
    try:
        return pa.array(values, _TYPES[kind])
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        # Such as an integer above 2**53 in a column of numbers, or half a surrogate pair in a text.
        return pa.array(_fitting(kind, values), _TYPES[kind])


def _fitting(kind: str, values: Sequence[Any]) -> list[Any]:
    """The values in the column's type, None for one that is not of it."""
    return [None if value is None else _FIT[kind](value) for value in values]


def _number(value: Any) -> float | None:
    if type(value) not in (int, float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _integer(value: Any) -> int | None:
    if type(value) is not int and not (type(value) is float and value.is_integer()):
        return None
    whole = int(value)
    return whole if _SMALLEST <= whole <= _LARGEST else None


def _boolean(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _category(value: Any) -> str | None:
    return value.encode("utf-8", "replace").decode() if type(value) is str else None


_FIT: dict[str, Callable[[Any], Any]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "category": _category,
}


def _hashes(kind: str, values: Sequence[Any], key: bytes) -> list[str | None]:
    """The HMAC-SHA256 of each value's text; a number's is Python's shortest, so 3.0 and 3 differ by column type."""
    fitted = _fitting(kind, values)
    return [
        None if value is None else hmac.digest(key, names.class_text(value).encode(), "sha256").hex()
        for value in fitted
    ]


def _own_columns(entries: Sequence[Entry], shape: LogShape) -> dict[str, pa.Array]:
    counts = np.array([count for entry in entries for count in entry.counts])
    marks = [mark for entry in entries for mark in entry.marks]
    rows = int(counts.sum())
    ids = pa.array([mark.request_id for mark in marks], pa.string())
    of_row = pa.array(np.repeat(np.arange(len(marks)), counts))
    firsts = np.repeat(np.cumsum(counts) - counts, counts)
    statuses = np.repeat([entry.status for entry in entries], [entry.rows.count for entry in entries])
    return {
        names.REQUEST_ID: ids.take(of_row),
        names.ROW: pa.array(np.arange(rows) - firsts, pa.int64()),
        names.EVENT_TIME: _times([event_microseconds(mark) for mark in marks], counts),
        names.ARRIVAL_TIME: _times([microseconds(mark.arrival) for mark in marks], counts),
        names.REVISION: pa.repeat(pa.scalar(shape.revision), rows),
        names.MODEL_VERSION: pa.repeat(pa.scalar(shape.version), rows),
        names.STATUS: pa.array(statuses, pa.int64()),
        names.PREDICTION: _predicted(entries, shape),
        **_scores(entries, shape),
    }


def _times(values: Sequence[int], counts: np.ndarray[Any, Any]) -> pa.Array:
    return pa.array(np.repeat(np.array(values, dtype=np.int64), counts), pa.int64()).cast(_TIME)


def _predicted(entries: Sequence[Entry], shape: LogShape) -> pa.Array:
    """The answer to each row, null where there was none."""
    given: list[Any] = []
    for entry in entries:
        labels = entry.predictions.labels if entry.predictions else None
        given.extend(repeat(None, entry.rows.count) if labels is None else labels.tolist())
    if shape.classes is None:
        return pa.array(given, pa.float64())
    texts = {label: names.class_text(label) for label in set(given) if label is not None}
    return pa.array([None if label is None else texts[label] for label in given], pa.string())


def _scores(entries: Sequence[Entry], shape: LogShape) -> dict[str, pa.Array]:
    """``_score``, and one column per class where there are more than two."""
    if shape.classes is None:
        return {names.SCORE: _predicted(entries, shape)}
    width = len(shape.classes)
    order = _signature_order(shape)
    matrix = np.full((sum(entry.rows.count for entry in entries), width), np.nan)
    start = 0
    for entry in entries:
        stop = start + entry.rows.count
        if entry.predictions and entry.predictions.probabilities is not None:
            matrix[start:stop] = entry.predictions.probabilities[:, order]
        start = stop
    if width > 2:
        columns = {names.SCORE: matrix.max(axis=1)}
        columns |= {name: matrix[:, place] for place, name in enumerate(names.class_scores(width))}
    else:
        columns = {names.SCORE: matrix[:, _positive(shape)]}
    return {name: pa.array(values, from_pandas=True) for name, values in columns.items()}


def _signature_order(shape: LogShape) -> list[int]:
    """The places of the signature's classes in the estimator's."""
    given, expected = list(shape.classes or ()), list(shape.signature.classes or ())
    return [given.index(label) for label in expected] if set(given) == set(expected) else list(range(len(given)))


def _positive(shape: LogShape) -> int:
    classes = list(shape.signature.classes or shape.classes or ())
    positive = shape.signature.positive_class
    return classes.index(positive) if positive in classes else len(classes) - 1
