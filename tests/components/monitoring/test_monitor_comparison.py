"""Does a window have to be worse than windows differ by themselves, also with few of them to know it from?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy import stats

from kfp_lifecycle.components.monitoring.comparison import Baseline, baselines, compare, why_incomparable
from kfp_lifecycle.components.monitoring.expectation import at_least, false_alerts, false_retrains
from kfp_lifecycle.components.monitoring.rules import Rules
from kfp_lifecycle.components.monitoring.windows import WEEK
from kfp_lifecycle.core.metrics import METRICS
from kfp_lifecycle.core.profile import CalibrationWindow
from kfp_lifecycle.core.window import format_time

MONDAY = datetime(2013, 1, 7, tzinfo=UTC)
DAY = timedelta(days=1)
ACCURACY, LOSS = METRICS["accuracy"], METRICS["log_loss"]


def calibration(values, length: timedelta = WEEK, rows: int = 1000) -> list[CalibrationWindow]:
    starts = [MONDAY + n * length for n in range(len(values))]
    return [
        CalibrationWindow(format_time(start), format_time(start + length), rows, 0, {"accuracy": float(value)})
        for start, value in zip(starts, values, strict=True)
    ]


def test_p_is_that_of_students_prediction_interval() -> None:
    values = [0.80, 0.82, 0.79, 0.81, 0.83]
    [found] = baselines(calibration(values), "accuracy").values()
    one = compare(0.75, 1e-9, 1000, found, ACCURACY, 0.001)
    expected = stats.t.sf((np.mean(values) - 0.75) / (np.std(values, ddof=1) * np.sqrt(1 + 1 / 5)), 4)
    assert one.p_value == pytest.approx(expected)
    assert one.drop == pytest.approx(0.06)
    at_limit = compare(np.mean(values) - one.limit, 1e-9, 1000, found, ACCURACY, 0.001)
    assert at_limit.p_value == pytest.approx(0.001)


def test_a_loss_is_worse_when_it_is_larger() -> None:
    found = Baseline(0.5, 8, 0.01, 7, 1000)
    assert compare(0.6, 1e-9, 1000, found, LOSS, 0.001).drop == pytest.approx(0.1)
    assert compare(0.4, 1e-9, 1000, found, LOSS, 0.001).p_value > 0.99


def test_no_window_is_surer_than_its_own_rows_allow() -> None:
    alike = Baseline(0.8, 8, 0.0, 7, 1000)
    few = compare(0.78, 0.02, 1000, alike, ACCURACY, 0.001)
    assert few.p_value == pytest.approx(stats.norm.sf(1.0))
    # A window of fewer rows than the calibration windows had varies more than they did.
    noisy = Baseline(0.8, 8, 0.01, 7, 1000)
    smaller, equal = (compare(0.75, 0.01, rows, noisy, ACCURACY, 0.001) for rows in (100, 1000))
    assert smaller.p_value > equal.p_value


@pytest.mark.parametrize("count", [4, 8])
def test_the_false_alarm_rate_is_the_one_asked_for_with_few_windows_too(count: int) -> None:
    random = np.random.default_rng(count)
    limit, draws, flagged = 0.02, 4000, 0
    for _ in range(draws):
        values = random.normal(0.8, 0.02, count + 1)
        [found] = baselines(calibration(values[:count]), "accuracy").values()
        flagged += compare(values[count], 1e-9, 1000, found, ACCURACY, limit).p_value < limit
    spread = np.sqrt(draws * limit * (1 - limit))
    assert abs(flagged - draws * limit) < 4 * spread
    # The normal quantile with the plain deviation, for which this test would fail.
    normal = np.mean([
        values[:count].mean() - values[count] > 2.054 * values[:count].std(ddof=1)
        for values in random.normal(0.8, 0.02, (draws, count + 1))
    ])  # fmt: skip
    assert normal > 2 * limit


def test_a_day_is_compared_with_its_own_weekday_and_the_spread_is_that_of_all_days() -> None:
    weekdays = np.tile([0.7, 0.8, 0.8, 0.8, 0.8, 0.8, 0.9], 4)
    values = weekdays + np.random.default_rng(0).normal(0, 0.005, 28)
    found = baselines(calibration(values, DAY), "accuracy")
    assert len(found) == 7
    assert {(each.alike, each.freedom) for each in found.values()} == {(4, 21)}
    assert {round(each.deviation, 6) for each in found.values()} == {round(found[timedelta()].deviation, 6)}
    assert found[timedelta()].deviation < 0.01
    monday, sunday = found[timedelta()], found[6 * DAY]
    assert compare(0.7, 1e-9, 1000, monday, ACCURACY, 0.001).p_value > 0.01
    assert compare(0.7, 1e-9, 1000, sunday, ACCURACY, 0.001).p_value < 1e-6


@pytest.mark.parametrize(
    ("windows", "length", "words"),
    [
        (calibration([0.8] * 8), DAY, "leave the parameter window out"),
        (calibration([0.8] * 8, 2 * DAY), 2 * DAY, "other places of each week"),
        (calibration([0.8] * 27, DAY), DAY, ""),
        (calibration([0.8] * 8, DAY), DAY, "train on more weeks"),
        (calibration([0.8] * 3), WEEK, "train on more weeks"),
        ([], WEEK, "no calibration windows"),
        (calibration([0.8] * 4), WEEK, ""),
    ],
)
def test_what_cannot_be_compared_is_told_with_the_reason(windows, length, words) -> None:
    why = why_incomparable(windows, "accuracy", length)
    assert words in why and bool(words) == bool(why)


@pytest.mark.parametrize(("alike", "freedom"), [(4, 3), (8, 7), (4, 21)])
def test_the_expected_false_retrains_are_those_of_a_simulation(alike: int, freedom: int) -> None:
    rules = Rules(p_limit=0.02)
    random = np.random.default_rng(alike)
    draws = 200_000
    means = random.normal(0, 1 / np.sqrt(alike), draws)
    deviations = np.sqrt(random.chisquare(freedom, draws) / freedom)
    reach = stats.t.isf(rules.p_limit, freedom) * np.sqrt(1 + 1 / alike) * deviations
    flagged = means[:, None] - random.normal(size=(draws, 3)) > reach[:, None]
    simulated = 100 * np.mean(flagged.sum(axis=1) >= 2)
    expected = false_retrains(Baseline(0.8, alike, 0.02, freedom, 1000), rules)
    assert expected == pytest.approx(simulated, rel=0.15)


def test_expected_alarms_are_counted_over_the_windows_that_are_judged() -> None:
    assert at_least(0.1, 1, 1) == pytest.approx(0.1)
    assert at_least(0.1, 2, 3) == pytest.approx(3 * 0.01 * 0.9 + 0.001)
    assert false_alerts(Rules(drift_p=0.01)) == pytest.approx(0.0298)
    assert false_alerts(Rules(drift_p=0.01), joint=True) == pytest.approx(100 * at_least(0.02, 2, 3))
    assert false_alerts(Rules(drift_p=0.5), joint=True) == 100
