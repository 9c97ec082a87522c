"""Is the canary worse than the stable arm, or is it shown to be no worse than by a margin? Two e-processes. Pure.

Each metric is a share of bad requests in two arms, looked at once per check. Two numbers of evidence, as logarithms:

* ``worse`` against the null hypothesis "the canary's share is at most the stable arm's";
* ``no_worse`` against "the canary's share is at least the stable arm's plus the margin".

A check multiplies the evidence by the likelihood ratio of the rates estimated from *earlier* checks and of the null
pair nearest to them, in the sense of n * KL(canary) + m * KL(stable): R. J. Turner and P. D. Gruenwald, Exact
anytime-valid confidence intervals for contingency tables and beyond, Statistics and Probability Letters 198 (2023).
By the choice of the nearest pair, and as the null pairs form a convex set, the factor is at most 1 on average whatever
null pair is true, also when the rates move from check to check. So the product is a nonnegative supermartingale, and
by J. Ville, Etude critique de la notion de collectif (1939), it ever exceeds 1/alpha with a chance of at most alpha,
however often one looks. One check multiplies it by at most 3, which keeps it a supermartingale: a burst within a
single check decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, log1p

# What is believed before the first request: 1 % bad, worth 18 requests.
PRIOR_BAD, PRIOR_REQUESTS = 0.18, 18
CAP = log(3)
_EDGE = 1e-9
_HALVINGS = 50


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one arm, and how many of them were bad."""

    total: int = 0
    bad: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.bad <= self.total:
            raise ValueError(f"{self.bad} bad of {self.total} requests: expected 0 <= bad <= total")

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.total + other.total, self.bad + other.bad)

    @property
    def share(self) -> float:
        """Bad requests of all; 0 without a request."""
        return self.bad / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class TwoArms:
    """One metric in one check: differences of counters since the last check."""

    canary: Counts
    stable: Counts


@dataclass(frozen=True, slots=True)
class Evidence:
    """One metric over all checks so far.

    Attributes:
        worse: log-evidence that the canary is worse.
        no_worse: log-evidence that it is worse by less than the margin, if at all.
    """

    worse: float = 0.0
    no_worse: float = 0.0
    canary: Counts = Counts()
    stable: Counts = Counts()


def bar(alpha: float) -> float:
    """The log-evidence beyond which a null hypothesis is rejected, wrongly with a chance of at most ``alpha``."""
    return -log(alpha)


def estimate(past: Counts) -> float:
    """The share of bad requests as far as past checks tell."""
    return (PRIOR_BAD + past.bad) / (PRIOR_REQUESTS + past.total)


def updated(evidence: Evidence, check: TwoArms, margin: float) -> Evidence:
    """The evidence after one more check; a check in which an arm had no request changes nothing."""
    if not check.canary.total or not check.stable.total:
        return evidence
    canary, stable = estimate(evidence.canary), estimate(evidence.stable)
    worse, no_worse = evidence.worse, evidence.no_worse
    if canary > stable:
        worse += _gain(check, canary, stable, 0.0)
    if canary < stable + margin:
        no_worse += _gain(check, canary, stable, margin)
    return Evidence(worse, no_worse, evidence.canary + check.canary, evidence.stable + check.stable)


def growth(canary: float, stable: float, ratio: float, margin: float) -> float:
    """Log-evidence of "no worse" that one canary request adds on average at these shares; 0 when it adds none.

    Args:
        ratio: requests of the stable arm for each of the canary.
    """
    if canary >= stable + margin:
        return 0.0
    null = _nearest(1, canary, ratio, stable, margin)
    return _divergence(canary, null + margin) + ratio * _divergence(stable, null)


def _gain(check: TwoArms, canary: float, stable: float, gap: float) -> float:
    null = _nearest(check.canary.total, canary, check.stable.total, stable, gap)
    gained = _log_ratio(check.canary, canary, null + gap) + _log_ratio(check.stable, stable, null)
    return min(CAP, gained)


def _log_ratio(counts: Counts, rate: float, null: float) -> float:
    good = counts.total - counts.bad
    return counts.bad * log(rate / null) + good * (log1p(-rate) - log1p(-null))


def _nearest(n: float, canary: float, m: float, stable: float, gap: float) -> float:
    """The stable arm's share in the nearest pair with ``canary = stable + gap``: where the convex distance is flat."""
    if gap == 0:
        return (n * canary + m * stable) / (n + m)
    # The slope is negative at the lower and positive at the higher of the two arms' own wishes.
    low, high = sorted((canary - gap, stable))
    highest = 1 - gap - _EDGE
    low, high = min(max(low, _EDGE), highest), min(max(high, _EDGE), highest)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        beside = middle + gap
        slope = n * (beside - canary) / (beside * (1 - beside)) + m * (middle - stable) / (middle * (1 - middle))
        if slope < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _divergence(rate: float, null: float) -> float:
    return rate * log(rate / null) + (1 - rate) * (log1p(-rate) - log1p(-null))
