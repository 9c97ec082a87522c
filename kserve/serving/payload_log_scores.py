"""Predictions that no request asked for, made for the log.

An answer of labels costs no probabilities. They are computed here instead, for many rows in one call, which takes a
small part of what it would cost request by request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kfp_lifecycle.serving.payload_log_queue import Entry
from kfp_lifecycle.serving.predictions import LABELS, PROBABILITIES, Predictions
from kfp_lifecycle.serving.rows import Rows, joined

if TYPE_CHECKING:
    from typing import Any

    import numpy as np

logger = logging.getLogger("kfp_lifecycle.serving")

Predict = Callable[[Rows, tuple[str, ...]], Predictions]
# A call to the model can hold up the threads that answer; so many rows take it a few milliseconds.
_ROWS_AT_ONCE = 512


def with_all_parts(entries: Sequence[Entry], available: tuple[str, ...], predict: Predict) -> list[Entry]:
    """The entries, in order, the predictions of which hold every part that the model can give.

    Entries without predictions stay as they are. Where the model fails on rows that it answered before, the parts
    that were not asked for stay None.

    Args:
        available: the names of the parts.
        predict: the model.
    """
    done = list(entries)
    for places in _groups(entries, available):
        for place, predictions in zip(
            places, _completed([entries[at] for at in places], available, predict), strict=True
        ):
            done[place] = replace(entries[place], predictions=predictions)
    return done


def _lacking(predictions: Predictions | None, available: tuple[str, ...]) -> tuple[str, ...]:
    if predictions is None:
        return ()
    has = {LABELS: predictions.labels is not None, PROBABILITIES: predictions.probabilities is not None}
    return tuple(part for part in available if not has[part])


def _groups(entries: Sequence[Entry], available: tuple[str, ...]) -> Iterator[list[int]]:
    """Places of entries that lack the same parts, together up to ``_ROWS_AT_ONCE`` rows."""
    group: list[int] = []
    rows = 0
    parts: tuple[str, ...] = ()
    for place, entry in enumerate(entries):
        lacking = _lacking(entry.predictions, available)
        if not lacking:
            continue
        if group and (lacking != parts or rows + entry.rows.count > _ROWS_AT_ONCE):
            yield group
            group, rows = [], 0
        group.append(place)
        rows += entry.rows.count
        parts = lacking
    if group:
        yield group


def _completed(group: Sequence[Entry], available: tuple[str, ...], predict: Predict) -> list[Predictions | None]:
    parts = _lacking(group[0].predictions, available)
    try:
        made = predict(joined([entry.rows for entry in group]), parts)
    except Exception as error:  # noqa: BLE001 - an estimator may raise anything; the log has to go on
        if len(group) == 1:
            logger.warning("payload log: no %s for %d rows: %s", parts[0], group[0].rows.count, type(error).__name__)
            return [group[0].predictions]
        half = len(group) // 2
        return _completed(group[:half], available, predict) + _completed(group[half:], available, predict)
    completed, start = [], 0
    for entry in group:
        stop = start + entry.rows.count
        completed.append(_filled(entry.predictions, made, start, stop))
        start = stop
    return completed


def _filled(asked: Predictions | None, made: Predictions, start: int, stop: int) -> Predictions | None:
    if asked is None:
        return None
    return replace(
        asked,
        labels=_either(asked.labels, made.labels, start, stop),
        probabilities=_either(asked.probabilities, made.probabilities, start, stop),
    )


def _either(
    asked: np.ndarray[Any, Any] | None, made: np.ndarray[Any, Any] | None, start: int, stop: int
) -> np.ndarray[Any, Any] | None:
    if asked is not None or made is None:
        return asked
    return made[start:stop]
