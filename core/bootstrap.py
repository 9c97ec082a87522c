"""The paired bootstrap: two models on the same resampled rows.

Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 6 and 13: rows are drawn with replacement, both
models are measured on the same draw, and the percentiles of the difference bound it. Pairing keeps what makes a row
hard for both out of the comparison.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from kfp_lifecycle.core.answers import Answers
    from kfp_lifecycle.core.metrics import Metric

    Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
# Standard normal quantiles: of the confidence, and of the chance that a repetition with enough rows succeeds.
Z_CONFIDENCE = 1.6449
POWER = 0.8
_Z_POWER = 0.8416
# Weights in memory at a time, in numbers: 32 MB.
_CHUNK = 4_000_000


@dataclass(frozen=True)
class Difference:
    """How much better the first model is than the second, positive when it is better, whatever the metric.

    Attributes:
        estimate: on all rows.
        lower: one-sided 95 % lower bound.
        upper: one-sided 95 % upper bound.
        error: standard error of the estimate.
        rows: number of rows.
    """

    estimate: float
    lower: float
    upper: float
    error: float
    rows: int


def resamples(rows: int, rounds: int, seed: int) -> Iterator[Floats]:
    """How often each row is drawn in each round, some rounds at a time; the same for the same arguments."""
    generator = np.random.default_rng(seed)
    done = 0
    while done < rounds:
        step = min(rounds - done, max(1, _CHUNK // max(rows, 1)))
        weights = np.empty((step, rows))
        for line in range(step):
            weights[line] = np.bincount(generator.integers(0, rows, rows), minlength=rows)
        yield weights
        done += step


def compare(metric: Metric, first: Answers, second: Answers, rounds: int, seed: int) -> Difference:
    """Bound the difference of a metric between two models that answered the same rows.

    Raises:
        ValueError: no round has a value, as where the rows hold one class only.
    """
    rows = len(first.truth)
    sign = 1.0 if metric.larger_is_better else -1.0
    one, two = metric.weigh(first), metric.weigh(second)
    plain = np.ones((1, rows))
    estimate = sign * float((one(plain) - two(plain))[0])
    found = np.concatenate([sign * (one(weights) - two(weights)) for weights in resamples(rows, rounds, seed)])
    # A resample may lack a class; it then has no AUC.
    found = found[np.isfinite(found)]
    if not math.isfinite(estimate) or not len(found):
        raise ValueError(f"{metric.name} is not defined on these {rows} rows")
    lower, upper = np.quantile(found, [1 - CONFIDENCE, CONFIDENCE])
    return Difference(estimate, float(lower), float(upper), float(found.std()), rows)


def rows_needed(difference: Difference, distance: float) -> int:
    """Rows with which a true difference lies ``distance`` above a bound in 80 % of repetitions, two digits shown.

    The standard error shrinks with the root of the rows: n' = n * ((z_0.95 + z_0.80) * error / distance)**2.
    """
    wanted = difference.rows * ((Z_CONFIDENCE + _Z_POWER) * difference.error / distance) ** 2
    if wanted <= 10:
        return 10
    unit: int = 10 ** (int(math.log10(wanted)) - 1)
    return math.ceil(wanted / unit) * unit
