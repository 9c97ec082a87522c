"""Each metric agrees with scikit-learn's of the same name, with and without weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from kfp_lifecycle.core.answers import Answers
from kfp_lifecycle.core.bootstrap import compare, resamples, rows_needed
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.metrics import METRICS, measure, measure_all, named_metric


def classification(rows: int, classes: int, seed: int, digits: int = 2) -> Answers:
    """Answers with ties, since rounded scores repeat."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, rows)
    truth[:classes] = np.arange(classes)
    probabilities = random.dirichlet(np.ones(classes), rows).round(digits) + np.eye(classes)[truth] * 0.2 + 1e-6
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    ranks = probabilities[:, 1] if classes == 2 else None
    return Answers(truth, probabilities.argmax(axis=1), probabilities, ranks, classes)


def regression(rows: int, seed: int) -> Answers:
    random = np.random.default_rng(seed)
    truth = random.normal(100, 1, rows)
    return Answers(truth, truth + random.normal(0, 0.5, rows))


def expected(name: str, answers: Answers, weights: np.ndarray) -> float:
    average = "binary" if answers.classes == 2 else "macro"
    truth, said, chances = answers.truth, answers.values, answers.probabilities
    w = {"sample_weight": weights}
    return {
        "roc_auc": lambda: reference.roc_auc_score(
            truth, chances[:, 1] if answers.classes == 2 else chances, multi_class="ovr", **w
        ),
        "average_precision": lambda: reference.average_precision_score(truth, answers.ranks, **w),
        "log_loss": lambda: reference.log_loss(truth, chances, labels=range(answers.classes), **w),
        "d2_log_loss": lambda: reference.d2_log_loss_score(truth, chances, labels=range(answers.classes), **w),
        "brier": lambda: (
            reference.brier_score_loss(truth, chances[:, 1], **w)
            if answers.classes == 2
            else reference.brier_score_loss(truth, chances, labels=range(answers.classes), **w)
        ),
        "accuracy": lambda: reference.accuracy_score(truth, said, **w),
        "balanced_accuracy": lambda: reference.balanced_accuracy_score(truth, said, **w),
        "f1": lambda: reference.f1_score(truth, said, average=average, zero_division=0, **w),
        "precision": lambda: reference.precision_score(truth, said, average=average, zero_division=0, **w),
        "recall": lambda: reference.recall_score(truth, said, average=average, zero_division=0, **w),
        "r2": lambda: reference.r2_score(truth, said, **w),
        "rmse": lambda: reference.root_mean_squared_error(truth, said, **w),
        "mae": lambda: reference.mean_absolute_error(truth, said, **w),
    }[name]()


CASES = [(m.name, k) for m in METRICS.values() if m.task == "classification" for k in (2, 4)]
CASES = [case for case in CASES if case != ("average_precision", 4)]


@pytest.mark.parametrize(("name", "classes"), CASES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(12, 80))
def test_classification_metrics_agree_with_scikit_learn(name, classes, seed, rows):
    answers = classification(rows, classes, seed, digits=1)
    weights = np.random.default_rng(seed).integers(0, 4, rows).astype(float)
    weights[:classes] = 1
    assert METRICS[name].available(answers)
    got = METRICS[name].weigh(answers)(np.vstack([weights, np.ones(rows)]))
    assert got == pytest.approx([expected(name, answers, weights), expected(name, answers, np.ones(rows))])


@pytest.mark.parametrize("name", ["r2", "rmse", "mae"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(5, 80))
def test_regression_metrics_agree_with_scikit_learn(name, seed, rows):
    answers = regression(rows, seed)
    weights = np.random.default_rng(seed).integers(1, 4, rows).astype(float)
    assert METRICS[name].weigh(answers)(weights[None])[0] == pytest.approx(expected(name, answers, weights))


def test_rows_of_one_class_have_no_auc_and_nothing_infinite_is_measured():
    one = Answers(np.zeros(9, dtype=int), np.zeros(9, dtype=int), np.eye(2)[np.zeros(9, dtype=int)], np.zeros(9), 2)
    assert np.isnan(measure(METRICS["roc_auc"], one))
    measured = measure_all(one)
    assert "roc_auc" not in measured and measured["accuracy"] == 1.0
    assert all(np.isfinite(value) for value in measured.values())


def test_a_sure_and_wrong_answer_has_a_finite_log_loss():
    wrong = Answers(np.array([1]), np.array([0]), np.array([[1.0, 0.0]]), np.array([0.0]), 2)
    assert 30 < measure(METRICS["log_loss"], wrong) < 40


def test_a_metric_of_the_other_task_is_refused_with_those_that_fit():
    with pytest.raises(InputError, match="Choose one of: mae, r2, rmse"):
        named_metric("roc_auc", "regression")
    with pytest.raises(InputError, match="a metric of a classification"):
        named_metric("auc", "classification")


def test_resamples_draw_as_many_rows_as_there_are_and_repeat_with_the_seed():
    first = np.concatenate(list(resamples(50, 200, seed=3)))
    assert first.shape == (200, 50)
    assert (first.sum(axis=1) == 50).all()
    assert (first == np.concatenate(list(resamples(50, 200, seed=3)))).all()
    assert (first != np.concatenate(list(resamples(50, 200, seed=4)))).any()
    assert first.mean() == pytest.approx(1.0)


def test_the_difference_is_positive_when_the_first_is_better_whatever_the_metric():
    good, bad = classification(400, 2, 0), classification(400, 2, 0)
    bad = Answers(bad.truth, 1 - bad.values, bad.probabilities[:, ::-1], -bad.ranks, 2)
    for name in ("roc_auc", "log_loss", "accuracy", "f1", "brier"):
        difference = compare(METRICS[name], good, bad, 200, 0)
        assert 0 < difference.lower < difference.estimate < difference.upper
        back = compare(METRICS[name], bad, good, 200, 0)
        assert (back.estimate, back.lower) == pytest.approx((-difference.estimate, -difference.upper))


def test_a_model_compared_with_itself_differs_by_nothing():
    answers = classification(100, 3, 0)
    difference = compare(METRICS["roc_auc"], answers, answers, 100, 0)
    assert (difference.estimate, difference.lower, difference.upper, difference.error) == (0, 0, 0, 0)


def test_the_interval_agrees_with_mcnemars_standard_error():
    random = np.random.default_rng(1)
    truth = np.zeros(2000, dtype=int)
    first, second = (random.random(2000) < 0.12).astype(int), (random.random(2000) < 0.12).astype(int)
    one, two = Answers(truth, first, classes=2), Answers(truth, second, classes=2)
    difference = compare(METRICS["accuracy"], one, two, 2000, 0)
    b, c = int((first > second).sum()), int((second > first).sum())
    error = np.sqrt(b + c - (b - c) ** 2 / 2000) / 2000
    assert difference.error == pytest.approx(error, rel=0.05)
    assert difference.lower == pytest.approx(difference.estimate - 1.645 * error, abs=0.1 * error)


def test_rows_of_one_class_cannot_be_compared_by_auc():
    one = Answers(np.zeros(9, dtype=int), np.zeros(9, dtype=int), None, np.arange(9.0), 2)
    with pytest.raises(ValueError, match="roc_auc is not defined on these 9 rows"):
        compare(METRICS["roc_auc"], one, one, 100, 0)


def test_a_tenth_of_the_distance_takes_a_hundred_times_the_rows():
    answers = classification(500, 2, 0), classification(500, 2, 1)
    difference = compare(METRICS["accuracy"], Answers(answers[0].truth, answers[0].values, classes=2),
                         Answers(answers[0].truth, answers[1].values, classes=2), 200, 0)  # fmt: skip
    near, far = rows_needed(difference, 0.01), rows_needed(difference, 0.1)
    assert near == pytest.approx(100 * far, rel=0.1)
    assert str(near).rstrip("0").__len__() <= 2
