"""What the evidence says: worse, no worse, or not told yet. Pure.

A promotion needs every metric to be shown to be no worse, each at alpha (intersection-union: no correction). A rollback
needs one metric to be shown to be worse, each at alpha over their number (union bound).
"""

from __future__ import annotations

import math
from dataclasses import replace

from kfp_lifecycle.components.judgement import disagreement
from kfp_lifecycle.components.judgement.canary import Evidence, bar, estimate, growth, updated
from kfp_lifecycle.components.judgement.disagreement import Sides
from kfp_lifecycle.components.judgement.observation import Observation
from kfp_lifecycle.components.judgement.rules import Rules
from kfp_lifecycle.components.judgement.state import State

DISAGREEMENT = "disagreement"
# More canary requests than this are no advice.
_TOO_MANY = 1_000_000


def weighed(state: State, rules: Rules, check: Observation) -> State:
    """The state with this check's counts in the evidence."""
    evidence = {
        metric: updated(state.evidence.get(metric, Evidence()), check.arms[metric], margin)
        for metric, margin in rules.margins.items()
        if metric in check.arms
    }
    return replace(state, evidence={**state.evidence, **evidence})


def sides(state: State, rules: Rules) -> dict[str, Sides]:
    """The log-evidence of every metric, disagreement on replayed rows included."""
    found = {metric: Sides(it.worse, it.no_worse) for metric in rules.margins for it in [_of(state, metric)]}
    if state.replayed is not None:
        found[DISAGREEMENT] = disagreement.evidence(*state.replayed, rules.disagreement_limit)
    return found


def rollback_bar(state: State, rules: Rules) -> float:
    """The log-evidence of ``worse`` that rolls back."""
    return bar(rules.alpha / len(sides(state, rules)))


def worse(state: State, rules: Rules) -> list[str]:
    """A sentence for each metric in which the canary is shown to be worse."""
    limit = rollback_bar(state, rules)
    return [
        f"{_shown(state, rules, name)}: worse (evidence {it.worse:.1f}, bar {limit:.1f})"
        for name, it in sides(state, rules).items()
        if it.worse > limit
    ]


def leaning(state: State, rules: Rules) -> list[str]:
    """The metrics with more than half of the evidence that would roll back, or with a share that looks hopeless."""
    limit = rollback_bar(state, rules) / 2
    return [name for name, it in sides(state, rules).items() if it.worse > limit or _hopeless(state, rules, name)]


def _hopeless(state: State, rules: Rules, name: str) -> bool:
    """Capped evidence grows by checks: until it tells, a canary that fails most requests must not get more of them."""
    it = _of(state, name)
    return it.canary.share > rules.hard_stop_share and it.stable.share < it.canary.share / 2


def shown_no_worse(state: State, rules: Rules) -> list[str]:
    """A sentence for each metric, for a promotion."""
    limit = bar(rules.alpha)
    return [
        f"{_shown(state, rules, name)}: no worse than allowed (evidence {it.no_worse:.1f}, bar {limit:.1f})"
        for name, it in sides(state, rules).items()
    ]


def lacking(state: State, rules: Rules) -> list[str]:
    """What the evidence lacks for a promotion, metric by metric, with the traffic that would bring it."""
    limit = bar(rules.alpha)
    found = []
    for name, it in sides(state, rules).items():
        requests = _of(state, name).canary.total
        short = name != DISAGREEMENT and requests < rules.min_requests
        if it.no_worse <= limit:
            found.append(
                f"{_shown(state, rules, name)}: not shown to be no worse than allowed (evidence {it.no_worse:.1f},"
                f" bar {limit:.1f}); {_needed(state, rules, name)}"
            )
        elif short:
            found.append(f"{name}: {requests:,} canary requests, at least {rules.min_requests:,} are asked for")
    return found


def requests_needed(state: State, rules: Rules, metric: str) -> int:
    """Canary requests after which a metric would be shown to be no worse, if its rates stay as they are.

    An estimate from the average growth of the evidence, two digits; 0 when a million would not do.
    """
    it, margin = _of(state, metric), rules.margins[metric]
    weight = state.weight or rules.weights[0]
    ratio = it.stable.total / it.canary.total if it.canary.total else (100 - weight) / weight
    rate = growth(estimate(it.canary), estimate(it.stable), ratio, margin)
    missing = max(0.0, bar(rules.alpha) - it.no_worse)
    if missing > rate * _TOO_MANY:
        return 0
    more = missing / rate if missing else 0.0
    return _two_digits(max(rules.min_requests, it.canary.total + more))


def _of(state: State, metric: str) -> Evidence:
    return state.evidence.get(metric, Evidence())


def _needed(state: State, rules: Rules, name: str) -> str:
    if name == DISAGREEMENT:
        return "more replayed rows are needed"
    seen = _of(state, name).canary.total
    if needed := requests_needed(state, rules, name):
        return f"about {needed:,} canary requests would be needed, {seen:,} were seen"
    return f"at these rates a million canary requests would not show it, {seen:,} were seen"


def _shown(state: State, rules: Rules, name: str) -> str:
    if name == DISAGREEMENT:
        hits, rows = state.replayed or (0, 0)
        share = hits / rows if rows else 0.0
        return f"{name}: {share:.2%} of {rows:,} replayed rows, at most {rules.disagreement_limit:.2%} allowed"
    it = _of(state, name)
    return (
        f"{name}: {it.canary.share:.2%} of the canary's {it.canary.total:,} requests, {it.stable.share:.2%} of the"
        f" stable arm's {it.stable.total:,}, {_points(rules.margins[name])} more allowed"
    )


def _points(margin: float) -> str:
    points = f"{100 * margin:g}"
    return f"{points} point" if points == "1" else f"{points} points"


def _two_digits(wanted: float) -> int:
    if wanted <= 10:
        return 10
    unit: int = 10 ** (int(math.log10(wanted)) - 1)
    return math.ceil(wanted / unit) * unit
