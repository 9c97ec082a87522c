"""What anybody could do without a model: the share of late flights by carrier and hour."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

# A cell with few flights leans on the overall share as if it had this many flights more.
_PRIOR_FLIGHTS = 20


def late_rates(history: pd.DataFrame, asked: pd.DataFrame) -> np.ndarray:
    """For each asked flight, the late share of its carrier and hour in the history."""
    overall = history["late"].mean()
    cells = history.groupby(["carrier", "hour"])["late"].agg(["sum", "count"])
    rates = (cells["sum"] + _PRIOR_FLIGHTS * overall) / (cells["count"] + _PRIOR_FLIGHTS)
    keys = pd.MultiIndex.from_frame(asked[["carrier", "hour"]])
    return np.asarray(rates.reindex(keys).fillna(overall))


def auc(late: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a late flight scores above a punctual one, ties counted half."""
    ranks = rankdata(score)
    positives = int(late.sum())
    negatives = len(late) - positives
    return float((ranks[late == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def auc_gain(
    late: np.ndarray, score: np.ndarray, base: np.ndarray, rounds: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The AUC of ``score`` less that of ``base`` on the same flights, and its one-sided lower 95 % bound.

    Paired percentile bootstrap (Efron and Tibshirani 1993, chapter 16): flights are drawn, both scores move together.
    """
    random = np.random.default_rng(seed)
    gains = []
    for _ in range(rounds):
        drawn = random.integers(0, len(late), len(late))
        gains.append(auc(late[drawn], score[drawn]) - auc(late[drawn], base[drawn]))
    return auc(late, score) - auc(late, base), float(np.percentile(gains, 5))
