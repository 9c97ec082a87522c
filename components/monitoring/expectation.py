"""How often the rules ring where nothing happened, in numbers, so that a reader knows what an alarm is worth.

Both figures hold for windows that are independent of each other; neighbouring windows of a season are not.
"""

from __future__ import annotations

import math

from kfp_lifecycle.components.monitoring.comparison import Baseline
from kfp_lifecycle.components.monitoring.rules import Rules

_STEPS = 200


def false_retrains(baseline: Baseline, rules: Rules) -> float:
    """Windows of 100 whose judgement starts a retrain although no window differs from the calibration windows but by
    chance, without the help of ``drop``, which can only make them fewer.

    The windows judged together share one calibration, whose mean and deviation are off by chance themselves. So the
    probability is taken for a given calibration, and averaged over its normal mean and chi-square variance.
    """
    import numpy as np
    from scipy.special import chdtri, ndtr, ndtri, stdtrit

    middles = (np.arange(_STEPS) + 0.5) / _STEPS
    # Both in units of the true deviation between windows.
    means = ndtri(middles)[:, None] / math.sqrt(baseline.alike)
    deviations = np.sqrt(chdtri(baseline.freedom, middles)[None, :] / baseline.freedom)
    reach = -stdtrit(baseline.freedom, rules.p_limit) * math.sqrt(1 + 1 / baseline.alike)
    flagged = ndtr(-(means + reach * deviations))
    return 100.0 * float(np.mean(at_least(flagged, rules.needed, rules.windows)))


def false_alerts(rules: Rules) -> float:
    """Windows of 100 that alert for a drift although the rows are those of the reference, without the help of
    ``psi_limit``, which can only make them fewer; corrected p-values bound the chance of one window by ``drift_p``."""
    return 100.0 * float(at_least(rules.drift_p, rules.needed, rules.windows))


def at_least(chance: float, needed: int, windows: int) -> float:
    """The chance that at least ``needed`` of so many independent windows ring; also of an array of chances."""
    total = chance * 0.0
    for count in range(needed, windows + 1):
        total = total + math.comb(windows, count) * chance**count * (1 - chance) ** (windows - count)
    return total
