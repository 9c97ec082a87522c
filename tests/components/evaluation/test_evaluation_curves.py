"""What KFP shows is finite, short, and written as KFP itself writes it."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kfp import dsl

from kfp_lifecycle.components.evaluation.constant import constant_answers
from kfp_lifecycle.components.evaluation.curves import confusion, kfp_curves, roc_points
from kfp_lifecycle.core.answers import Answers
from kfp_lifecycle.core.metrics import METRICS, measure
from kfp_lifecycle.core.signature import Column, Signature
from kfp_lifecycle.core.sketches import sketch_categories, sketch_numbers


def answers(rows: int, seed: int = 0, digits: int = 8) -> Answers:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, rows)
    truth[:2] = (0, 1)
    ranks = np.clip(truth * 0.3 + random.normal(0.4, 0.25, rows), 0, 1).round(digits)
    return Answers(truth, (ranks > 0.5).astype(int), np.column_stack([1 - ranks, ranks]), ranks, 2)


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(2, 3000), seed=st.integers(0, 1000), digits=st.integers(0, 8))
def test_the_curve_is_finite_short_rising_and_whole(rows, seed, digits):
    points = np.array(roc_points(answers(rows, seed, digits)))
    assert np.isfinite(points).all() and len(points) <= 200
    assert points[0, :2].tolist() == [0, 0] and points[-1, :2].tolist() == [1, 1]
    assert (np.diff(points[:, 0]) >= 0).all() and (np.diff(points[:, 1]) >= 0).all()
    assert (np.diff(points[:, 2]) < 0).all()


def test_thinning_keeps_the_area():
    many = answers(20_000)
    points = np.array(roc_points(many))
    area = float(np.sum(np.diff(points[:, 0]) * (points[1:, 1] + points[:-1, 1]) / 2))
    assert area == pytest.approx(measure(METRICS["roc_auc"], many), abs=0.002)


def test_rows_of_one_class_have_no_curve():
    one = Answers(np.zeros(5, dtype=int), np.zeros(5, dtype=int), None, np.arange(5.0), 2)
    assert roc_points(one) == []


def test_the_matrix_counts_true_classes_by_row():
    found = confusion(Answers(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), classes=3))
    assert found == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]


def test_the_metadata_is_what_kfps_own_artifact_writes():
    some = answers(300)
    theirs = dsl.ClassificationMetrics(name="curves", uri="")
    points = roc_points(some)
    theirs.log_roc_curve(*[[point[i] for point in points] for i in (0, 1, 2)])
    theirs.log_confusion_matrix(["False", "True"], confusion(some))
    ours = kfp_curves(some, (False, True))
    assert ours == theirs.metadata
    assert len(json.dumps(ours, allow_nan=False)) < 30_000


def test_a_matrix_of_many_classes_is_left_out():
    classes = tuple(f"c{number}" for number in range(31))
    assert kfp_curves(Answers(np.arange(31), np.arange(31), classes=31), classes) == {}


def signature(classes) -> Signature:
    task = "regression" if classes is None else "classification"
    return Signature(task, "y", classes, (Column("a", "number", False),), "x")


def test_the_constant_answer_of_a_classification_is_the_share_of_the_training_labels():
    label = sketch_categories(np.array([True] * 30 + [False] * 70, dtype=object))
    found = constant_answers(label, np.array([0, 1]), signature((False, True)), "log_loss")
    assert found.probabilities.tolist() == [[0.7, 0.3]] * 2 and found.values.tolist() == [0, 0]
    assert found.ranks.tolist() == [0.3, 0.3]


@pytest.mark.parametrize(("metric", "value"), [("rmse", 25.0), ("r2", 25.0), ("mae", 1.0)])
def test_the_constant_answer_of_a_regression_is_mean_or_median(metric, value):
    label = sketch_numbers(np.array([0.0, 1.0, 1.0, 98.0]))
    found = constant_answers(label, np.array([1.0, 2.0, 3.0]), signature(None), metric)
    assert found.values.tolist() == [value] * 3
