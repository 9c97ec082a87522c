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


def largest_distance(reference: NumberReference, window: Numbers) -> float:
    """The largest distance between both distribution functions; it is always reached at or just before a window value.

    Args:
        reference: with at least one value.
        window: sorted, at least one value.
    """
    count = len(window)
    last = np.append(window[1:] != window[:-1], True)
    ends = np.flatnonzero(last) + 1  # rows of the window up to and including each distinct value
    starts = np.concatenate(([0], ends[:-1]))
    values = window[last]
    below = rows_below(reference, values, "left")
    up_to = below
    if reference.ranks is None:
        # Few values of a window stand in the reference too, and only those have to be looked up again.
        places = below.astype(np.int64)
        found = (places < len(reference.values)) & (
            reference.values[np.minimum(places, len(reference.values) - 1)] == values
        )
        if found.any():
            up_to = below.copy()
            up_to[found] = rows_below(reference, values[found], "right")
    else:
        up_to = rows_below(reference, values, "right")
    before = np.abs(below / reference.present - starts / count)
    after = np.abs(up_to / reference.present - ends / count)
    return float(max(before.max(), after.max()))


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
