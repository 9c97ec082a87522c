"""How often the candidate answers otherwise than the champion on replayed rows: below the limit, or above? Pure.

One sample, so the evidence is a ratio of likelihoods: of the observed answers under all rates, weighed by the prior
Beta(1, 20), and under the rate of the null hypothesis that fits them best. Whichever rate of the null is true, this is
at most the ratio at that rate, which is a nonnegative martingale; so one may look after every row (H. Robbins,
Statistical methods related to the law of the iterated logarithm, 1970; the bound is Ville's).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log, log1p

PRIOR = (1.0, 20.0)


@dataclass(frozen=True, slots=True)
class Sides:
    """Log-evidence, each to be held against ``canary.bar(alpha)``.

    Attributes:
        worse: that the rate is above the limit.
        no_worse: that the rate is below it.
    """

    worse: float
    no_worse: float


def evidence(disagreements: int, rows: int, limit: float) -> Sides:
    """What the rows replayed so far say of the rate; without a row both are 0."""
    if not 0 <= disagreements <= rows:
        raise ValueError(f"{disagreements} disagreements on {rows} rows: expected no more than rows")
    mixture = log_mixture(disagreements, rows, *PRIOR)
    rate = disagreements / rows if rows else 0.0
    return Sides(
        worse=mixture - log_likelihood(disagreements, rows, min(rate, limit)),
        no_worse=mixture - log_likelihood(disagreements, rows, max(rate, limit)),
    )


def log_mixture(hits: int, trials: int, alpha: float, beta: float) -> float:
    """Log-probability of a sequence with so many hits, averaged over rates from Beta(alpha, beta)."""
    return _log_beta(alpha + hits, beta + trials - hits) - _log_beta(alpha, beta)


def log_likelihood(hits: int, trials: int, rate: float) -> float:
    """Log-probability of a sequence with so many hits at one rate; at a rate of 0 or 1 it must be possible."""
    found = hits * log(rate) if hits else 0.0
    return found + ((trials - hits) * log1p(-rate) if hits < trials else 0.0)


def _log_beta(alpha: float, beta: float) -> float:
    return lgamma(alpha) + lgamma(beta) - lgamma(alpha + beta)
