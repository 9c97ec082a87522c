"""Metrics of answers under row weights, many sets of weights at once.

A bootstrap round is a set of weights: how often each row was drawn. So one definition of a metric serves for its value
(all weights 1) and for a thousand resamples, and what is sorted is sorted once. Each agrees with scikit-learn's metric
of the same name and ``sample_weight``; a test says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from kfp_lifecycle.core.answers import Answers

    Floats = npt.NDArray[np.float64]
    # From weights of shape (rounds, rows) to one value per round; NaN where a round lacks a class.
    Weighted = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Metric:
    """A figure of merit.

    Attributes:
        name: as in scikit-learn.
        task: ``classification`` or ``regression``.
        larger_is_better: False for losses and errors.
        needs: what of ``Answers`` it reads beside truth and values: ``probabilities``, ``ranks`` or nothing.
        weigh: looks at the answers once and returns the weighted metric.
    """

    name: str
    task: str
    larger_is_better: bool
    needs: str
    weigh: Callable[[Answers], Weighted]

    def available(self, answers: Answers) -> bool:
        """Whether these answers hold what the metric reads."""
        if self.name == "roc_auc" and answers.classes > 2:
            return answers.probabilities is not None
        return not self.needs or getattr(answers, self.needs) is not None


def _ratio(above: Any, below: Any) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(above / below, dtype=np.float64)


def _mean(rows: Any) -> Weighted:
    values = np.asarray(rows, dtype=np.float64)
    return lambda weights: _ratio(weights @ values, weights.sum(axis=1))


def _accuracy(answers: Answers) -> Weighted:
    return _mean(answers.truth == answers.values)


def _log_loss(answers: Answers) -> Weighted:
    assert answers.probabilities is not None
    chosen = answers.probabilities[np.arange(len(answers.truth)), answers.truth]
    return _mean(-np.log(np.clip(chosen, np.finfo(np.float64).eps, 1.0)))


def _d2_log_loss(answers: Answers) -> Weighted:
    """How much of the log-loss of always saying the rows' own class shares is saved; rows of other shares, which are
    harder or easier for anybody, stay comparable."""
    loss = _log_loss(answers)
    classes = np.eye(answers.classes)[answers.truth]

    def weighted(weights: Floats) -> Floats:
        shares = _ratio(weights @ classes, weights.sum(axis=1, keepdims=True))
        entropy = -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1)
        return 1.0 - _ratio(loss(weights), entropy)

    return weighted


def _brier(answers: Answers) -> Weighted:
    assert answers.probabilities is not None
    wanted = np.eye(answers.classes)[answers.truth]
    squares = ((answers.probabilities - wanted) ** 2).sum(axis=1)
    # Of two classes the customary form looks at one of them.
    return _mean(squares / 2 if answers.classes == 2 else squares)


def _per_class(answers: Answers, combine: Callable[[Floats, Floats, Floats], Floats]) -> Weighted:
    """The positive class's figure, or with more classes the plain mean over them (``average="macro"``)."""
    numbers = [1] if answers.classes == 2 else range(answers.classes)
    told = [(answers.truth == k, answers.values == k) for k in numbers]

    def weighted(weights: Floats) -> Floats:
        figures = [combine(weights @ (t & v), weights @ t, weights @ v) for t, v in told]
        return np.asarray(np.mean(figures, axis=0))

    return weighted


def _f1(answers: Answers) -> Weighted:
    return _per_class(answers, lambda hits, true, said: np.nan_to_num(_ratio(2 * hits, true + said)))


def _precision(answers: Answers) -> Weighted:
    return _per_class(answers, lambda hits, _true, said: np.nan_to_num(_ratio(hits, said)))


def _recall(answers: Answers) -> Weighted:
    return _per_class(answers, lambda hits, true, _said: np.nan_to_num(_ratio(hits, true)))


def _balanced_accuracy(answers: Answers) -> Weighted:
    told = [(answers.truth == k, (answers.truth == k) & (answers.values == k)) for k in range(answers.classes)]

    def weighted(weights: Floats) -> Floats:
        # A class that a resample lacks is left out, as scikit-learn does.
        recalls = np.array([_ratio(weights @ hits, weights @ true) for true, hits in told])
        return _ratio(np.nansum(recalls, axis=0), np.isfinite(recalls).sum(axis=0))

    return weighted


class _Ranking:
    """Rows in groups of equal score, lowest first."""

    def __init__(self, scores: Floats, positive: npt.NDArray[np.bool_]) -> None:
        self._order = np.argsort(scores, kind="stable")
        ordered = scores[self._order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._positive = positive[self._order].astype(np.float64)

    def groups(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weight of positive and of negative rows in each group."""
        ordered = weights[:, self._order]
        positive = ordered * self._positive
        ordered -= positive
        return np.add.reduceat(positive, self._starts, axis=1), np.add.reduceat(ordered, self._starts, axis=1)

    def auc(self, weights: Floats) -> Floats:
        positive, negative = self.groups(weights)
        below = np.cumsum(negative, axis=1) - negative
        wins = np.einsum("ij,ij->i", positive, below + 0.5 * negative)
        return _ratio(wins, positive.sum(axis=1) * negative.sum(axis=1))

    def average_precision(self, weights: Floats) -> Floats:
        positive, negative = (side[:, ::-1] for side in self.groups(weights))
        hits = np.cumsum(positive, axis=1)
        precision = np.nan_to_num(_ratio(hits, hits + np.cumsum(negative, axis=1)))
        return _ratio(np.einsum("ij,ij->i", positive, precision), hits[:, -1])


def _roc_auc(answers: Answers) -> Weighted:
    if answers.classes == 2:
        assert answers.ranks is not None
        return _Ranking(answers.ranks, answers.truth == 1).auc
    assert answers.probabilities is not None
    rankings = [_Ranking(answers.probabilities[:, k], answers.truth == k) for k in range(answers.classes)]
    return lambda weights: np.mean([ranking.auc(weights) for ranking in rankings], axis=0)


def _average_precision(answers: Answers) -> Weighted:
    assert answers.ranks is not None
    return _Ranking(answers.ranks, answers.truth == 1).average_precision


def _rmse(answers: Answers) -> Weighted:
    mean = _mean((answers.truth - answers.values) ** 2)
    return lambda weights: np.sqrt(mean(weights))


def _mae(answers: Answers) -> Weighted:
    return _mean(np.abs(answers.truth - answers.values))


def _r2(answers: Answers) -> Weighted:
    errors = (answers.truth - answers.values) ** 2
    # Centred first: the difference of two large squares would lose its digits.
    centred = answers.truth - answers.truth.mean()

    def weighted(weights: Floats) -> Floats:
        total = weights @ centred**2 - (weights @ centred) ** 2 / weights.sum(axis=1)
        return 1.0 - _ratio(weights @ errors, total)

    return weighted


METRICS = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", "classification", True, "ranks", _roc_auc),
        Metric("average_precision", "classification", True, "ranks", _average_precision),
        Metric("log_loss", "classification", False, "probabilities", _log_loss),
        Metric("d2_log_loss", "classification", True, "probabilities", _d2_log_loss),
        Metric("brier", "classification", False, "probabilities", _brier),
        Metric("accuracy", "classification", True, "", _accuracy),
        Metric("balanced_accuracy", "classification", True, "", _balanced_accuracy),
        Metric("f1", "classification", True, "", _f1),
        Metric("precision", "classification", True, "", _precision),
        Metric("recall", "classification", True, "", _recall),
        Metric("r2", "regression", True, "", _r2),
        Metric("rmse", "regression", False, "", _rmse),
        Metric("mae", "regression", False, "", _mae),
    )
}


def named_metric(name: str, task: str) -> Metric:
    """The metric of that name.

    Raises:
        InputError: unknown, or of the other task.
    """
    metric = METRICS.get(name)
    if metric is None or metric.task != task:
        known = ", ".join(sorted(m.name for m in METRICS.values() if m.task == task))
        raise InputError("metric", name, f"a metric of a {task}", f"Choose one of: {known}.")
    return metric


def measure(metric: Metric, answers: Answers) -> float:
    """The metric's value; NaN where the rows do not define it, as one class alone does not define an AUC."""
    return float(metric.weigh(answers)(np.ones((1, len(answers.truth))))[0])


def measure_all(answers: Answers) -> dict[str, float]:
    """Every metric that these answers define, finite values only."""
    task = "classification" if answers.classes else "regression"
    values = {m.name: measure(m, answers) for m in METRICS.values() if m.task == task and m.available(answers)}
    return {name: value for name, value in values.items() if np.isfinite(value)}
