"""Out-of-sample performance: models of the same making, each asked about a window it had not seen.

Rolling origin (Tashman, Out-of-sample tests of forecasting accuracy, 2000): for each of the last windows a model is
trained on all rows before it and measured on it. What monitoring later measures on served rows is measured in the same
way, so the two can be compared; a model's own training rows would promise too much.

Windows shorter than a week are compared with windows of the same weekday and hour, so four whole weeks of them are
made where the rows allow; a model then predicts several in a row, as a served one does, and at most eight are trained.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kfp_lifecycle.components.training.recipe import Recipe
from kfp_lifecycle.core.answers import Answers, answers_of
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.metrics import measure_all
from kfp_lifecycle.core.profile import CalibrationWindow, Performance
from kfp_lifecycle.core.sketches import sketch_numbers
from kfp_lifecycle.core.window import Window, floor_to_grid, format_time, grid_step

if TYPE_CHECKING:
    import numpy.typing as npt

WINDOWS_AT_LEAST = 4
WINDOWS_AT_MOST = 8
# Windows before the first one predicted.
_HISTORY = 2
_WINDOW_ROWS = 30
_WEEK = timedelta(days=7)
_SHORTEST = timedelta(hours=1)


def plan_windows(first: datetime, last: datetime, length: timedelta) -> list[Window]:
    """The windows to predict, oldest first: half of what the rows span, at least 4 and at most 8.

    Windows from an hour up of which a whole number makes a week: four weeks of them, where the rows span six weeks.
    Empty when the rows span fewer than 6 windows, since the first model needs a history of two.
    """
    start, end = floor_to_grid(first, length), floor_to_grid(last, length) + grid_step(length)
    spanned = (end - start) // length
    if spanned < WINDOWS_AT_LEAST + _HISTORY:
        return []
    wanted = min(max(spanned // 2, WINDOWS_AT_LEAST), WINDOWS_AT_MOST)
    if _SHORTEST <= length < _WEEK and not _WEEK % length and end - start >= (WINDOWS_AT_LEAST + _HISTORY) * _WEEK:
        wanted = WINDOWS_AT_LEAST * _WEEK // length
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
    together = -(-len(windows) // WINDOWS_AT_MOST)
    for block in (windows[number : number + together] for number in range(0, len(windows), together)):
        before = (times < block[0].start).to_numpy()
        filled = [(window, inside) for window in block if (inside := _inside(times, window)).sum() >= _WINDOW_ROWS]
        if not filled or len(np.unique(labels[before])) < 2:
            continue
        try:
            model = recipe.fit(inputs[before], labels[before])
        except InputError as error:
            # A short history may be too little for an estimator that fits all rows well.
            refused = f"; {error}"
            continue
        for window, inside in filled:
            answers = answers_of(model, inputs[inside], truth[inside], recipe.signature)
            if (score := _score(answers)) is not None:
                scores.append(score)
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


def _inside(times: pd.Series, window: Window) -> npt.NDArray[np.bool_]:
    inside: npt.NDArray[np.bool_] = ((times >= window.start) & (times < window.end)).to_numpy()
    return inside


def _score(answers: Answers) -> npt.NDArray[np.float64] | None:
    """The number that the log of served rows holds as the score; None where the model gives none."""
    if not answers.classes:
        return answers.values
    if answers.probabilities is None:
        return answers.ranks
    return answers.probabilities.max(axis=1) if answers.ranks is None else answers.ranks
