"""Out-of-sample performance: models of the same making, each asked about a window it had not seen.

Rolling origin (Tashman, Out-of-sample tests of forecasting accuracy, 2000): for each of the last windows a model is
trained on all rows before it and measured on it. What monitoring later measures on served rows is measured in the same
way, so the two can be compared; a model's own training rows would promise too much.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kfp_lifecycle.components.training.recipe import Recipe
from kfp_lifecycle.core.answers import answers_of
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.metrics import measure_all
from kfp_lifecycle.core.profile import CalibrationWindow, Performance
from kfp_lifecycle.core.sketches import sketch_numbers
from kfp_lifecycle.core.window import Window, format_time

if TYPE_CHECKING:
    import numpy.typing as npt

WINDOWS_AT_LEAST = 4
WINDOWS_AT_MOST = 8
# Windows before the first one predicted.
_HISTORY = 2
_WINDOW_ROWS = 30
_DAY = timedelta(days=1)


def _span(first: datetime, last: datetime, length: timedelta) -> tuple[datetime, datetime]:
    """What the rows span: from midnight to midnight where windows are whole days, so that days stay whole."""
    if length % _DAY:
        return first, last + timedelta(microseconds=1)
    return _midnight(first), _midnight(last) + _DAY


def _midnight(instant: datetime) -> datetime:
    return datetime(instant.year, instant.month, instant.day, tzinfo=UTC)


def plan_windows(first: datetime, last: datetime, length: timedelta) -> list[Window]:
    """The windows to predict, oldest first: half of what the rows span, at least 4 and at most 8.

    Empty when the rows span fewer than 6 windows, since the first model needs a history of two.
    """
    start, end = _span(first, last, length)
    spanned = (end - start) // length
    if spanned < WINDOWS_AT_LEAST + _HISTORY:
        return []
    wanted = min(max(spanned // 2, WINDOWS_AT_LEAST), WINDOWS_AT_MOST)
    return [Window(end - (back + 1) * length, end - back * length) for back in reversed(range(wanted))]


def calibrate(
    recipe: Recipe,
    inputs: pd.DataFrame,
    labels: npt.NDArray[np.generic],
    truth: npt.NDArray[np.generic],
    times: pd.Series,
    length: timedelta,
) -> Performance:
    """Performance on the last windows; empty, with the reason, when fewer than four can be measured.

    Args:
        recipe: how the model is made.
        inputs: all training rows.
        labels: as the estimator takes them.
        truth: as ``core.answers`` takes it.
        times: event times in UTC, one per row.
        length: of a window.
    """
    first, last = (instant.to_pydatetime(warn=False) for instant in (times.min(), times.max()))
    windows = plan_windows(first, last, length)
    if not windows:
        return Performance(
            note=f"rows from {format_time(first)} to {format_time(last)} span fewer than"
            f" {WINDOWS_AT_LEAST + _HISTORY} windows of {length}"
        )
    refused = ""
    measured: list[CalibrationWindow] = []
    scores: list[npt.NDArray[np.float64]] = []
    for window in windows:
        before = (times < window.start).to_numpy()
        inside = ((times >= window.start) & (times < window.end)).to_numpy()
        known = len(np.unique(labels[before]))
        if inside.sum() < _WINDOW_ROWS or known < 2:
            continue
        try:
            model = recipe.fit(inputs[before], labels[before])
        except InputError as error:
            # A short history may be too little for an estimator that fits all rows well.
            refused = f"; {error}"
            continue
        answers = answers_of(model, inputs[inside], truth[inside], recipe.signature)
        if answers.ranks is not None:
            scores.append(answers.ranks)
        elif not answers.classes:
            scores.append(answers.values)
        measured.append(
            CalibrationWindow(
                start=format_time(window.start),
                end=format_time(window.end),
                rows=int(inside.sum()),
                trained_rows=int(before.sum()),
                metrics=measure_all(answers),
            )
        )
    if len(measured) < WINDOWS_AT_LEAST:
        return Performance(
            note=f"only {len(measured)} of the last {len(windows)} windows of {length} hold {_WINDOW_ROWS} rows"
            f" after a history that a model can be trained on{refused}"
        )
    return Performance(tuple(measured), sketch_numbers(np.concatenate(scores)) if scores else None)
