"""How much a column changed, which no number of rows makes larger; shown beside every p-value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.components.monitoring.engines.reference import NumberReference
from kfp_lifecycle.components.monitoring.engines.reference_shares import quantiles_of, rows_below

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

_CELLS = 10
_FLOOR = 1e-4
_GRID = (np.arange(1000) + 0.5) / 1000


def psi(reference: Numbers, window: Numbers) -> float:
    """Population stability index: the sum of (h - r) ln(h / r) over cells, shares floored at 0.0001.

    Args:
        reference: rows of each cell.
        window: the same cells.
    """
    expected = np.maximum(reference / reference.sum(), _FLOOR)
    found = np.maximum(window / window.sum(), _FLOOR)
    return float(((found - expected) * np.log(found / expected)).sum())


def jensen_shannon(reference: Numbers, window: Numbers) -> float:
    """The Jensen-Shannon distance over the same cells, base 2: 0 for equal shares, 1 for cells that never meet."""
    from scipy.special import rel_entr

    expected, found = reference / reference.sum(), window / window.sum()
    middle = (expected + found) / 2
    divergence = (rel_entr(expected, middle).sum() + rel_entr(found, middle).sum()) / 2 / np.log(2)
    return float(np.sqrt(np.clip(divergence, 0.0, 1.0)))


def wasserstein(reference: NumberReference, window: Numbers) -> float | None:
    """The mean distance of 1000 evenly spaced quantiles, in standard deviations of the reference.

    That is the Wasserstein distance between the thousandths of both; what changes in less than a thousandth of the
    rows is not in it. None where the reference has no spread.

    Args:
        reference: of the column.
        window: sorted.
    """
    if not reference.deviation > 0:
        return None
    found = window[np.minimum((_GRID * len(window)).astype(np.int64), len(window) - 1)]
    return float(np.abs(quantiles_of(reference, _GRID) - found).mean() / reference.deviation)


def number_cells(reference: NumberReference, window: Numbers) -> tuple[Numbers, Numbers]:
    """Rows of the reference and of the window between the reference's deciles.

    A value that several deciles fall on has a cell of its own, so that a constant or a count of few values has its
    changes seen too.

    Args:
        reference: of the column.
        window: sorted.
    """
    deciles, times = np.unique(quantiles_of(reference, np.arange(1, _CELLS) / _CELLS), return_counts=True)
    edges = np.sort(np.concatenate((deciles, np.nextafter(deciles[times > 1], -np.inf))))
    expected = np.diff(rows_below(reference, edges, "right"), prepend=0.0, append=float(reference.present))
    found = np.diff(np.searchsorted(window, edges, "right"), prepend=0, append=len(window))
    return expected, found.astype(np.float64)
