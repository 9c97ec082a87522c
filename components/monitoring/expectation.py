"""How often the rules ring where nothing happened, in numbers, so that a reader knows what an alarm is worth.

Both figures hold for windows that are independent of each other; neighbouring windows of a season are not.
"""

from __future__ import annotations

import math
from typing import Any

from kfp_lifecycle.components.monitoring.comparison import Baseline
from kfp_lifecycle.components.monitoring.rules import Rules

_STEPS = 400


def false_retrains(baseline: Baseline, rules: Rules) -> float:
    """Windows of 100 whose judgement starts a retrain although no window differs from the calibration windows but by
    chance, without the help of ``drop``, which can only make them fewer.

    The windows judged together share one calibration, whose mean and deviation are off by chance themselves. So the
    probability is taken for a given calibration, and averaged over its normal mean and chi-square variance.
    """
    import numpy as np
    from scipy.special import gammaln, ndtr, stdtrit

    # In units of the true deviation between windows. The far ends decide, so the steps are even in them: in the mean's
    # standard errors, and in the logarithm of the variance.
    errors = np.linspace(-9.0, 9.0, _STEPS)
    logs, half = np.linspace(-30.0, 5.0, _STEPS), baseline.freedom / 2
    variances = np.exp(logs)
    densities = np.exp(half * np.log(half) - gammaln(half) + half * logs - half * variances)
    weights = np.exp(-(errors**2) / 2)[:, None] * densities[None, :]
    reach = -stdtrit(baseline.freedom, rules.p_limit) * math.sqrt(1 + 1 / baseline.alike)
    flagged = ndtr(-(errors[:, None] / math.sqrt(baseline.alike) + reach * np.sqrt(variances)[None, :]))
    ringing = at_least(flagged, rules.needed, rules.windows)
    return 100.0 * float((weights * ringing).sum() / weights.sum())


def false_alerts(rules: Rules, joint: bool = False) -> float:
    """Windows of 100 that alert for a drift although the rows are those of the reference, without the help of
    ``psi_limit``, which can only make them fewer; corrected p-values bound the chance of one window by ``drift_p``, and
    a joint test, which rings by its own p alone, doubles the bound."""
    chance = min(1.0, (2 if joint else 1) * rules.drift_p)
    return 100.0 * float(at_least(chance, rules.needed, rules.windows))


def at_least(chance: Any, needed: int, windows: int) -> Any:
    """The chance that at least ``needed`` of so many independent windows ring; of a number, or of each in an array."""
    total = chance * 0.0
    for count in range(needed, windows + 1):
        total = total + math.comb(windows, count) * chance**count * (1 - chance) ** (windows - count)
    return total
