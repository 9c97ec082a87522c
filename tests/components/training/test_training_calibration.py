"""Performance is measured on windows that the measured model had not seen."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from kfp_lifecycle.components.training.calibration import calibrate, plan_windows
from kfp_lifecycle.components.training.importances import permutation_importances
from kfp_lifecycle.components.training.recipe import Recipe
from kfp_lifecycle.core.signature import Column, Signature

WEEK = timedelta(days=7)
START = datetime(2013, 1, 1, tzinfo=UTC)
SIGNATURE = Signature(
    "classification",
    "late",
    (False, True),
    (Column("a", "number", False), Column("noise", "number", False)),
    "sklearn.x",
    True,
)


def rows(days: float, count: int, seed: int = 0):
    """Inputs, labels and times spread over so many days."""
    random = np.random.default_rng(seed)
    inputs = pd.DataFrame({"a": random.normal(size=count), "noise": random.normal(size=count)})
    labels = (inputs["a"] + random.normal(0, 0.5, count) > 0).to_numpy()
    times = pd.Series(START + pd.to_timedelta(np.linspace(0, days, count, endpoint=False), "D"))
    return inputs, labels, times


def performance(estimator, days: float, count: int = 1000, length: timedelta = WEEK):
    inputs, labels, times = rows(days, count)
    return calibrate(Recipe(SIGNATURE, 0, estimator), inputs, labels, labels.astype(int), times, length)


@pytest.mark.parametrize(
    ("days", "windows"),
    [(35, 0), (41, 0), (42, 4), (56, 4), (70, 5), (112, 8), (400, 8)],
)
def test_half_of_the_windows_are_predicted_at_least_four_and_at_most_eight(days, windows):
    assert len(plan_windows(START, START + timedelta(days=days - 0.01), WEEK)) == windows


def test_windows_of_whole_days_end_at_midnight_and_touch_each_other():
    windows = plan_windows(START, START + timedelta(days=69.3), WEEK)
    assert windows[-1].end == START + timedelta(days=70)
    assert all(one.end == two.start for one, two in pairwise(windows))


def test_shorter_windows_end_after_the_last_row_where_windows_of_their_length_end_for_everybody():
    last = START + timedelta(hours=50)
    assert plan_windows(START, last, timedelta(hours=6))[-1].end == START + timedelta(hours=54)


@pytest.mark.parametrize(
    ("length", "days", "windows"),
    [
        (timedelta(days=1), 41.9, 28),
        (timedelta(days=1), 40.9, 8),
        (timedelta(days=1), 400, 28),
        (timedelta(hours=6), 70, 112),
        (timedelta(days=2), 70, 8),
        (timedelta(minutes=10), 70, 8),
    ],
)
def test_windows_that_make_up_a_week_are_made_for_four_weeks(length, days, windows):
    planned = plan_windows(START, START + timedelta(days=days), length)
    assert len(planned) == windows
    assert all(one.end == two.start for one, two in pairwise(planned))


def test_at_most_eight_models_are_trained_however_many_windows_there_are():
    class Counting(LogisticRegression):
        fits: list[int] = []  # noqa: RUF012

        def fit(self, x, y):
            Counting.fits.append(len(x))
            return super().fit(x, y)

    found = performance(Counting(), 70, count=2800, length=timedelta(days=1))
    assert len(found.windows) == 28
    assert len(Counting.fits) == 7, "one for four days"
    assert sorted({window.trained_rows for window in found.windows}) == Counting.fits
    assert found.scores.rows == 28 * 40


def test_each_window_is_predicted_by_a_model_of_the_rows_before_it():
    class Recording(LogisticRegression):
        fits: list[int] = []  # noqa: RUF012

        def fit(self, x, y):
            Recording.fits.append(len(x))
            return super().fit(x, y)

    found = performance(Recording(), 70)
    assert [window.trained_rows for window in found.windows] == Recording.fits == [500, 600, 700, 800, 900]
    assert [window.rows for window in found.windows] == [100] * 5
    assert [window.start[:10] for window in found.windows] == [
        "2013-02-05",
        "2013-02-12",
        "2013-02-19",
        "2013-02-26",
        "2013-03-05",
    ]


def test_a_model_that_learns_by_heart_is_not_flattered():
    found = performance(DecisionTreeClassifier(random_state=0), 70)
    assert 0.6 < np.mean([window.metrics["accuracy"] for window in found.windows]) < 0.95
    assert found.scores is not None and found.scores.rows == 500 and found.note == ""


def test_too_short_a_history_is_said():
    found = performance(LogisticRegression(), 30)
    assert found.windows == () and found.scores is None
    assert "span fewer than 6 windows of 7 days" in found.note


def test_windows_with_few_rows_are_left_out_and_too_few_windows_are_said():
    found = performance(LogisticRegression(), 70, count=200)
    assert found.windows == () and "only 0 of the last 5 windows" in found.note


def test_an_estimator_that_refuses_a_short_history_is_calibrated_later_or_not_at_all():
    found = performance(KNeighborsClassifier(n_neighbors=800), 70)
    assert found.windows == () and "n_neighbors" in found.note


def test_importances_put_what_matters_first_whatever_the_estimator():
    inputs, labels, _ = rows(70, 600)
    for estimator, loss in ((LogisticRegression(), "log_loss"), (DecisionTreeClassifier(max_depth=3), "log_loss")):
        model = estimator.fit(inputs, labels)
        found = permutation_importances(model, inputs, labels.astype(int), SIGNATURE, 0)
        assert list(found.values) == ["a", "noise"] and found.values["a"] > 10 * abs(found.values["noise"])
        assert loss in found.method and "600 training rows" in found.method


def test_importances_of_many_columns_use_fewer_rows():
    inputs = pd.DataFrame(np.random.default_rng(0).normal(size=(3000, 60)), columns=[f"c{i}" for i in range(60)])
    labels = (inputs["c0"] > 0).to_numpy()
    columns = tuple(Column(name, "number", False) for name in inputs)
    signature = Signature("classification", "late", (False, True), columns, "sklearn.x")
    model = DecisionTreeClassifier(max_depth=2).fit(inputs, labels)
    found = permutation_importances(model, inputs, labels.astype(int), signature, 0)
    assert "500 training rows" in found.method and next(iter(found.values)) == "c0"
