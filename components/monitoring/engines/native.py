"""The native engine: the statistics and p-values of alibi-detect's tests, without sorting the reference again.

alibi-detect's tests are scipy's, and scipy sorts the reference at every call. Here it comes sorted, and only the
window's values are looked up in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.components.monitoring.engines.engine import Engine, TestResult
from kfp_lifecycle.components.monitoring.engines.kolmogorov import tail
from kfp_lifecycle.components.monitoring.engines.reference import NumberReference
from kfp_lifecycle.components.monitoring.engines.reference_shares import rows_below

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]
    Counts = npt.NDArray[np.int64]
    Places = npt.NDArray[np.intp]

_STRETCH = 16


def largest_distance(reference: NumberReference, window: Numbers) -> float:
    """The largest distance between both distribution functions; it is always reached at or just before a window value.

    Only every 16th distinct value is looked up first. Between two of them both functions only rise, so what they are at
    the ends bounds the distance between, and few stretches can hold a larger one than was seen already.

    Args:
        reference: with at least one value.
        window: sorted, at least one value.
    """
    last = np.flatnonzero(np.append(window[1:] != window[:-1], True))
    values, ends = window[last], last + 1  # rows of the window up to and including each distinct value
    starts = np.concatenate(([0], ends[:-1]))
    rows, count = reference.present, len(window)

    def distances(chosen: Places) -> tuple[Numbers, Numbers, float]:
        below, up_to = _rows_around(reference, values[chosen])
        before = np.abs(below / rows - starts[chosen] / count)
        after = np.abs(up_to / rows - ends[chosen] / count)
        return below, up_to, float(max(before.max(), after.max()))

    coarse = np.append(np.arange(0, len(values) - 1, _STRETCH), len(values) - 1)
    below, up_to, largest = distances(coarse)
    most = np.maximum(up_to[1:] / rows - starts[coarse[:-1]] / count, ends[coarse[1:]] / count - below[:-1] / rows)
    promising = coarse[:-1][most > largest]
    between = (promising[:, None] + np.arange(1, _STRETCH)).ravel()
    between = between[between < len(values)]
    return max(largest, distances(between)[2]) if len(between) else largest


def _rows_around(reference: NumberReference, values: Numbers) -> tuple[Numbers, Numbers]:
    """Rows of the reference below each value, and up to it; the values are distinct."""
    below = rows_below(reference, values, "left")
    if reference.ranks is not None:
        return below, rows_below(reference, values, "right")
    # Most values of a window do not stand in the reference; only those that do have to be looked up again.
    places = below.astype(np.int64)
    found = reference.values[np.minimum(places, len(reference.values) - 1)] == values
    if not found.any():
        return below, below
    up_to = below.copy()
    up_to[found] = rows_below(reference, values[found], "right")
    return below, up_to


def _ks(reference: NumberReference, window: Numbers) -> TestResult:
    """Against a sketch p is that of the smallest distance which the sketch leaves possible.

    So a sketch raises no alarm that the table itself would not have raised.
    """
    distance, error = largest_distance(reference, window), reference.largest_error
    rows, count = reference.present, len(window)
    return TestResult(distance, tail(max(distance - error, 0.0), round(rows * count / (rows + count))), error)


def _cvm(reference: NumberReference, window: Numbers) -> TestResult:
    from scipy.stats import cramervonmises_2samp

    found = cramervonmises_2samp(reference.values, window, method="auto")
    return TestResult(float(found.statistic), float(found.pvalue))


def _chi_square(reference: Counts, window: Counts) -> TestResult:
    """Pearson's test that both have the same distribution, with Yates' correction for two categories."""
    from scipy.special import chdtrc

    observed = np.vstack((reference, window)).astype(np.float64)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / observed.sum()
    off = np.abs(observed - expected)
    degrees = observed.shape[1] - 1
    if degrees == 0:
        return TestResult(0.0, 1.0)
    if degrees == 1:
        off = off - np.minimum(0.5, off)
    statistic = float((off**2 / expected).sum())
    return TestResult(statistic, float(chdtrc(degrees, statistic)))


def _fet(reference: Counts, window: Counts) -> TestResult:
    from scipy.stats import fisher_exact

    found = fisher_exact([[window[1], reference[1]], [window[0], reference[0]]])
    return TestResult(float(found.statistic), float(found.pvalue))


NATIVE = Engine("native", _ks, _cvm, _chi_square, _fet)
