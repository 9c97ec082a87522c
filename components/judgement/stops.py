"""What stops a release at once, without statistics: a crash must not wait for hundreds of requests. Pure."""

from __future__ import annotations

from dataclasses import replace

from kfp_lifecycle.components.judgement.canary import TwoArms
from kfp_lifecycle.components.judgement.observation import Observation
from kfp_lifecycle.components.judgement.rules import Rules
from kfp_lifecycle.components.judgement.state import State, shown

_RUNNING = 2


def watched(state: State, rules: Rules, check: Observation) -> State:
    """The state with the runs of bad checks counted on; a dropped check tells of readiness only."""
    state = _readiness(state, rules, check)
    if state.fresh:
        return state
    # A metric whose query failed neither continues a run nor ends it.
    runs = {
        metric: state.very_bad.get(metric, 0) + 1 if _is_very_bad(arms, rules) else 0
        for metric, arms in check.arms.items()
        if metric in rules.margins
    }
    return replace(state, very_bad={**state.very_bad, **runs})


def _readiness(state: State, rules: Rules, check: Observation) -> State:
    """More traffic may ask for more servers, which take their time to load: that is no fault, for a while."""
    if check.ready:
        return replace(state, not_ready=0, settling=False)
    settling = state.settling and check.seconds - state.since < rules.settle_seconds
    return state if settling else replace(state, not_ready=state.not_ready + 1)


def reasons(state: State, rules: Rules, check: Observation) -> list[str]:
    """Why the release is to be stopped now; ``state`` is the one of ``watched``."""
    found = []
    if check.restarts > 0:
        found.append(
            f"the canary was restarted {_times(check.restarts)} since the last check"
            + (f": {shown(check.not_ready)}" if check.not_ready else "")
        )
    if state.not_ready >= _RUNNING:
        found.append(f"the canary is not ready in {state.not_ready} checks running: {shown(check.not_ready)}")
    for metric, running in state.very_bad.items():
        if running >= _RUNNING and metric in check.arms:
            canary, stable = check.arms[metric].canary, check.arms[metric].stable
            found.append(
                f"{metric}: {canary.share:.1%} of the canary's {canary.total:,} requests are bad"
                f" ({stable.share:.1%} of the stable arm's), more than {rules.hard_stop_share:.0%}"
                f" in {running} checks running"
            )
    return found


def _is_very_bad(arms: TwoArms, rules: Rules) -> bool:
    """A fault that the stable arm shares, at least half as badly, is not the canary's."""
    if arms.canary.total < rules.hard_stop_requests or arms.canary.share <= rules.hard_stop_share:
        return False
    return not arms.stable.total or arms.stable.share < arms.canary.share / 2


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
