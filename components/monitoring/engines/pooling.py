"""Counts of categories, made fit for a test: rare ones stand together, so that one strange row proves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Counts = npt.NDArray[np.int64]

# The chi-square approximation asks for about five expected rows in each cell (Cochran 1954).
_FEWEST_EXPECTED = 5.0


def pooled(reference: Counts, window: Counts) -> tuple[Counts, Counts]:
    """Put categories together until each is expected in five rows of the smaller side, or only one is left.

    Which are rare is decided on both sides' rows together, so that it does not depend on a difference between them.
    The last cell of the answer holds the rare ones, if there are any.

    Args:
        reference: rows of each category, those that only the window has among them.
        window: the same categories.
    """
    both = reference + window
    smaller = min(int(reference.sum()), int(window.sum())) / max(int(both.sum()), 1)
    order = np.argsort(-both, kind="stable")
    expected = both[order] * smaller
    kept = int((expected >= _FEWEST_EXPECTED).sum())
    rest = float(expected[kept:].sum())
    while kept and 0 < rest < _FEWEST_EXPECTED:
        kept -= 1
        rest += float(expected[kept])
    cells = np.full(len(both), kept)
    cells[order[:kept]] = np.arange(kept)
    # Without a rare row there is no last cell: one that expects nothing has no chi-square.
    count = kept + (1 if rest > 0 else 0)
    return _summed(reference, cells, count), _summed(window, cells, count)


def _summed(counts: Counts, cells: npt.NDArray[np.intp], count: int) -> Counts:
    return np.bincount(cells, weights=counts, minlength=count)[:count].astype(np.int64)
