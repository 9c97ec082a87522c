"""Is a window worse than the calibration windows, or do windows differ as much as that by themselves?

A window's performance varies by two causes: it has finitely many rows, and one week is not like the other. The second
is known only from the few calibration windows, so the test is a prediction interval for one more window of the same
kind (Hahn and Meeker, Statistical Intervals, 1991, chapter 4), with Student's t:

    t = drop / (s * sqrt(1 + 1/n))

where n windows of the same weekday stand for the mean, and s is the deviation of all calibration windows from the mean
of their own weekday. A normal quantile in place of Student's rings far too often with four to eight windows: the page
docs/decisions/0012-small-calibration.md has the figures. Nor may a window be surer than its own rows allow, so p is
never below that of the sampling error alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from kfp_lifecycle.components.monitoring.windows import WEEK, phase
from kfp_lifecycle.core.profile import CalibrationWindow
from kfp_lifecycle.core.window import Window, parse_time

if TYPE_CHECKING:
    from kfp_lifecycle.core.metrics import Metric

# Windows of the same weekday, without which nothing is compared.
ALIKE_AT_LEAST = 4


@dataclass(frozen=True)
class Baseline:
    """What windows that begin at one place of the week are compared with.

    Attributes:
        mean: of the calibration windows that begin there.
        alike: how many they are.
        deviation: of calibration windows around the mean of their own place in the week.
        freedom: degrees of freedom of the deviation.
        rows: of a calibration window, on average.
    """

    mean: float
    alike: int
    deviation: float
    freedom: int
    rows: float


@dataclass(frozen=True)
class Comparison:
    """One window against its baseline.

    Attributes:
        drop: how much worse, in units of the metric.
        error: the standard error of the drop.
        p_value: one-sided, of no drop.
        limit: the drop with which p reaches the limit asked for.
    """

    drop: float
    error: float
    p_value: float
    limit: float


def baselines(windows: Sequence[CalibrationWindow], metric: str) -> dict[timedelta, Baseline]:
    """The baselines by place in the week; one, at 0, where windows are whole weeks. Windows without the metric are
    left out, and places with fewer than four windows have no baseline."""
    values: dict[timedelta, list[float]] = {}
    rows: dict[timedelta, list[int]] = {}
    for each in windows:
        if metric in each.metrics:
            place = phase(span_of(each))
            values.setdefault(place, []).append(float(each.metrics[metric]))
            rows.setdefault(place, []).append(each.rows)
    means = {place: sum(found) / len(found) for place, found in values.items()}
    freedom = sum(len(found) - 1 for found in values.values())
    squares = sum((value - means[place]) ** 2 for place, found in values.items() for value in found)
    deviation = math.sqrt(squares / freedom) if freedom else 0.0
    return {
        place: Baseline(means[place], len(found), deviation, freedom, sum(rows[place]) / len(found))
        for place, found in values.items()
        if len(found) >= ALIKE_AT_LEAST
    }


def span_of(window: CalibrationWindow) -> Window:
    """A calibration window's instants."""
    return Window(parse_time(window.start), parse_time(window.end))


def why_incomparable(windows: Sequence[CalibrationWindow], metric: str, length: timedelta) -> str:
    """Why windows of this length cannot be compared with these; empty when they can."""
    if not windows:
        return "the model has no calibration windows"
    own = span_of(windows[0]).end - span_of(windows[0]).start
    if own != length:
        return (
            f"the calibration windows are {own} long and these {length}: leave the parameter window out, or train with"
            " this calibration_window"
        )
    if length % WEEK and WEEK % length:
        return f"windows of {length} begin at other places of each week, so like is never compared with like"
    if not baselines(windows, metric):
        known = sum(metric in each.metrics for each in windows)
        return (
            f"{known} calibration windows have {metric}, and at least {ALIKE_AT_LEAST} of the same place in the week"
            " are needed: train on more weeks"
        )
    return ""


def compare(value: float, sampling_error: float, rows: int, baseline: Baseline, metric: Metric, p: float) -> Comparison:
    """See the module.

    Args:
        value: of the window's metric.
        sampling_error: its standard error, from the window's own rows.
        rows: that it was measured on.
        baseline: of windows alike.
        metric: that was measured.
        p: the limit of the p-value.
    """
    from scipy.special import ndtr, ndtri, stdtr, stdtrit

    drop = (baseline.mean - value) if metric.larger_is_better else (value - baseline.mean)
    of_mean = baseline.deviation**2 / baseline.alike
    # A window with fewer rows than the calibration windows had varies more than they did.
    fewer = sampling_error**2 * max(0.0, 1.0 - rows / baseline.rows) if baseline.rows else 0.0
    between = math.sqrt(baseline.deviation**2 + of_mean + fewer)
    within = math.sqrt(sampling_error**2 + of_mean)
    p_values = [float(stdtr(baseline.freedom, -drop / between)) if between else float(drop <= 0)]
    p_values.append(float(ndtr(-drop / within)) if within else float(drop <= 0))
    limit = max(-float(stdtrit(baseline.freedom, p)) * between, -float(ndtri(p)) * within)
    return Comparison(drop, max(between, within), max(p_values), limit)


def overall(found: Mapping[timedelta, Baseline]) -> tuple[float, float]:
    """Mean and deviation over all places of the week, for a picture."""
    alike = sum(each.alike for each in found.values())
    mean = sum(each.mean * each.alike for each in found.values()) / alike
    return mean, next(iter(found.values())).deviation
