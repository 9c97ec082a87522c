"""Is the traffic split as the weights ask? Pure.

Clients that call a predictor's own address pass the gateway by, and the weights with it. The canary's share of the
requests since the last weight change is held against the null hypothesis "the share lies within two points of the
weight", by the same kind of evidence as in ``disagreement``, with a uniform prior: one may look after every check, and
a split that is right is called wrong in at most one release of a thousand per weight.
"""

from __future__ import annotations

from math import sqrt

from kfp_lifecycle.components.judgement.canary import bar
from kfp_lifecycle.components.judgement.disagreement import log_likelihood, log_mixture

TOLERANCE = 0.02
BAR = bar(1 / 1000)
# Canary requests that the weight must promise before a wrong split may be called mended.
_PROMISED = 20


def evidence(canary: int, stable: int, weight: int) -> float:
    """Log-evidence against a right split.

    Args:
        canary: its requests since the last weight change.
        stable: those of the other arm.
        weight: percent asked for the canary.
    """
    total = canary + stable
    share = canary / total if total else weight / 100
    nearest = min(max(share, weight / 100 - TOLERANCE, 0.0), weight / 100 + TOLERANCE, 1.0)
    return log_mixture(canary, total, 1.0, 1.0) - log_likelihood(canary, total, nearest)


def is_wrong(canary: int, stable: int, weight: int) -> bool:
    """Whether the share is wrong beyond chance."""
    return evidence(canary, stable, weight) > BAR


def is_enough(canary: int, stable: int, weight: int) -> bool:
    """Whether so many requests can tell that a wrong split was mended."""
    return (canary + stable) * weight / 100 >= _PROMISED


def is_mended(canary: int, stable: int, weight: int) -> bool:
    """Whether new requests are split as asked again, within the tolerance and one standard deviation."""
    asked, total = weight / 100, canary + stable
    return abs(canary / total - asked) <= TOLERANCE + sqrt(asked * (1 - asked) / total)
