"""What is at fault when a check tells nothing of the model: the query, the route, the split, or nobody. Pure.

The four states of missing data are never folded together: nobody sends requests, the canary alone gets none, a query
fails, and the traffic is split otherwise than the weights ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kfp_lifecycle.components.judgement import split
from kfp_lifecycle.components.judgement.observation import Observation
from kfp_lifecycle.components.judgement.rules import Rules
from kfp_lifecycle.components.judgement.state import Seen, State, shown


def looked_at(state: State, rules: Rules, check: Observation) -> tuple[State, Seen]:
    """The state with the faults of this check, and what the check is worth."""
    if check.missing(rules.margins):
        return replace(state, query_errors=state.query_errors + 1), Seen.UNANSWERED
    state = replace(state, query_errors=0)
    if state.fresh:
        return state, Seen.DROPPED
    was_misrouted = bool(state.misrouted)
    seen = _worth(rules, check)
    state = _split(_silence(state, check), check)
    # The check in which the split is found to be right again began while it was wrong.
    return state, Seen.MISROUTED if was_misrouted or state.misrouted else seen


def holds(state: State, rules: Rules, check: Observation) -> list[str]:
    """Why the judge holds, as long as the cause lasts; ``state`` is the one of ``looked_at``."""
    found = [state.misrouted] if state.misrouted else []
    if state.silent >= rules.silent_seconds:
        found.append(
            f"the canary has got no request for {state.silent:.0f} s while the stable arm got some: its route is at"
            " fault, not the model"
        )
    if state.query_errors >= rules.query_errors:
        found.append(f"{state.query_errors} queries running failed: {shown(check.missing(rules.margins))}")
    return found


def waits(seen: Seen, rules: Rules, check: Observation) -> str:
    """Why this check tells nothing; empty when it counts."""
    sentences: Mapping[Seen, str] = {
        Seen.COUNTED: "",
        Seen.DROPPED: "the first check at a weight or after a start is dropped",
        Seen.NO_TRAFFIC: "no traffic: silence is not evidence",
        Seen.CANARY_SILENT: "the canary got no request since the last check: silence is not evidence",
        Seen.STABLE_SILENT: "the stable arm got no request since the last check: nothing to compare with",
        Seen.UNANSWERED: f"a query failed: {shown(check.missing(rules.margins))}",
        Seen.MISROUTED: "the split of the traffic is not as asked, or was not until now",
    }
    return sentences[seen]


def _worth(rules: Rules, check: Observation) -> Seen:
    if not check.canary_requests and not check.stable_requests:
        return Seen.NO_TRAFFIC
    if not check.canary_requests:
        return Seen.CANARY_SILENT
    if not check.stable_requests:
        return Seen.STABLE_SILENT
    both = all(check.arms[metric].canary.total and check.arms[metric].stable.total for metric in rules.margins)
    return Seen.COUNTED if both else Seen.NO_TRAFFIC


def _silence(state: State, check: Observation) -> State:
    if check.canary_requests:
        return replace(state, silent=0.0)
    if not check.stable_requests:
        return state
    return replace(state, silent=state.silent + max(0.0, check.seconds - state.seconds))


def _split(state: State, check: Observation) -> State:
    canary, stable = state.routed[0] + check.canary_requests, state.routed[1] + check.stable_requests
    if state.misrouted:
        if not split.is_enough(canary, stable, check.weight):
            return replace(state, routed=(canary, stable))
        mended = split.is_mended(canary, stable, check.weight)
        return replace(state, routed=(0, 0), misrouted="" if mended else _sentence(canary, stable, check.weight))
    if split.is_wrong(canary, stable, check.weight):
        return replace(state, routed=(0, 0), misrouted=_sentence(canary, stable, check.weight))
    return replace(state, routed=(canary, stable))


def _sentence(canary: int, stable: int, weight: int) -> str:
    total = canary + stable
    if not canary:
        return (
            f"no traffic passes the gateway: the canary got none of {total:,} requests at weight {weight} %."
            " Clients that call the predictor's own address pass the weights by"
        )
    return (
        f"the traffic is not split as asked: the canary got {canary / total:.1%} and the stable arm"
        f" {stable / total:.1%} of {total:,} requests, the weights are {weight} and {100 - weight} %"
    )
