"""Whether values are missing more or less often than they were."""

from __future__ import annotations

import numpy as np

_FEWEST_EXPECTED = 5.0


def missing_p(reference_missing: int, reference_present: int, missing: int, present: int) -> float | None:
    """The p-value of equal shares: chi-square with Yates' correction, Fisher's exact test for few rows.

    None where no value is missing on either side, or none is present.
    """
    from scipy.stats import chi2_contingency, fisher_exact

    table = np.array([[reference_missing, reference_present], [missing, present]], dtype=np.float64)
    if (table.sum(axis=0) == 0).any() or (table.sum(axis=1) == 0).any():
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    if expected.min() < _FEWEST_EXPECTED:
        return float(fisher_exact(table.astype(np.int64)).pvalue)
    return float(chi2_contingency(table).pvalue)
