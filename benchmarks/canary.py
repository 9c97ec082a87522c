"""How often the judge of a canary is right, by simulation, beside what two other tools decide on the same requests.

    python benchmarks/canary.py [--releases N]

Each release has a seed of its own and is judged by the shipped defaults: weights 10, 25 and 50 %, a check a minute,
two hours, at least 500 canary requests, and three metrics: 1 % of the requests are slow and .1 % refused in both arms.

Traffic. In the flat cells the canary gets the same number of requests in every check, 20 (quiet) or 200 (busy), and
the stable arm what the weight leaves it: nine times as many at 10 %, as many at 50 %. In the ramp and burst cells the
total is the same in every check, and the canary gets 20 or 200 at the first weight, so five times as many at 50 %.
A ramp raises the error rate of both arms from .5 to 4 % within the first 60 checks. A burst multiplies the error rate
of one arm by five in one check; it strikes each arm in 5 or 10 % of checks, the one apart from the other, which is
harder than a fault that they share. The first check of each weight is dropped, as in a real release.

The other two read the errors of the same checks at the first weight. Flagger: a check fails when less than 99 % of
the canary's requests succeed; five failed checks roll back, five passed ones promote. Argo Rollouts: ten checks, of
which at most three may have less than 98 %. These are models of the decisions, not the tools themselves.

An undecided release is rolled back at the deadline; its share is given apart, with the median of the canary requests
that it would have needed by the judge's own estimate.

Asserted (exit 1): a canary that is worse by the margin or more is promoted in at most 5 % of releases, plus three
standard deviations of the simulation, and one with 3 against 1 % of errors is rolled back in at least 99 %.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import sqrt
from statistics import mean, median

import numpy as np
import numpy.typing as npt

from kfp_lifecycle.components.judgement.canary import Counts, TwoArms
from kfp_lifecycle.components.judgement.observation import Observation
from kfp_lifecycle.components.judgement.rules import ERRORS, REFUSED, SLOW, check_rules
from kfp_lifecycle.components.judgement.state import Answer, State
from kfp_lifecycle.components.judgement.verdict import requests_needed
from kfp_lifecycle.components.judgement.walk import Step, advance

RULES = check_rules()
CHECKS = int(RULES.deadline_seconds / RULES.check_seconds)
SLOW_SHARE, REFUSED_SHARE = 0.01, 0.001
RAMP_CHECKS, BURST = 60, 5
ALPHA, CAUGHT = 0.05, 0.99


@dataclass(frozen=True)
class Cell:
    """One line of the table; rates are shares of requests that are errors, from the first check to the last ramped.

    Attributes:
        canary: at the start and at the end of the ramp.
        bursts: share of checks in which an arm bursts.
        requests: of the canary in a check, at the first weight.
        flat: whether the canary keeps them at every weight.
    """

    name: str
    canary: tuple[float, float]
    stable: tuple[float, float]
    requests: int
    bursts: float = 0.0
    flat: bool = True

    @property
    def gap(self) -> float:
        return self.canary[0] - self.stable[0]

    def traffic(self, weight: int) -> tuple[int, int]:
        """Requests of canary and stable arm in a check."""
        first = RULES.weights[0]
        canary = self.requests if self.flat else self.requests * weight // first
        return canary, canary * (100 - weight) // weight


@dataclass(frozen=True)
class Ending:
    """One release as the judge ended it; ``needed`` is 0 where no traffic would do, or the judge decided."""

    answer: str
    undecided: bool
    requests: int
    minutes: int
    needed: int
    flagger: str
    argo: str


def cells() -> Iterator[Cell]:
    for requests in (20, 200):
        for canary, stable in ((0.01, 0.01), (0.03, 0.01), (0.02, 0.01), (0.03, 0.03)):
            yield Cell(f"{100 * canary:g} v {100 * stable:g} %", (canary, canary), (stable, stable), requests)
        for canary, name in ((0.005, "both"), (0.015, "+1 point, both")):
            rates = (canary, canary + 0.035), (0.005, 0.04)
            yield Cell(f"{name} rise .5-4 %", *rates, requests, flat=False)
        for bursts in (0.05, 0.10):
            for canary in (0.01, 0.02):
                name = f"{100 * canary:g} v 1 %, {bursts:.0%} bursts"
                yield Cell(name, (canary, canary), (0.01, 0.01), requests, bursts, flat=False)


def stream(cell: Cell, seed: int) -> npt.NDArray[np.int64]:
    """Bad requests by check, weight, metric (errors, slow, refused) and arm (canary, stable)."""
    random = np.random.default_rng(seed)
    rise = np.minimum(np.arange(CHECKS) / RAMP_CHECKS, 1.0)
    rates = np.stack([first + (last - first) * rise for first, last in (cell.canary, cell.stable)], axis=1)
    rates = rates * np.where(random.random((CHECKS, 2)) < cell.bursts, BURST, 1)
    bad = np.empty((CHECKS, len(RULES.weights), 3, 2), dtype=np.int64)
    for place, weight in enumerate(RULES.weights):
        requests = np.array(cell.traffic(weight))
        bad[:, place, 0] = random.binomial(requests, rates)
        bad[:, place, 1] = random.binomial(requests, SLOW_SHARE, (CHECKS, 2))
        bad[:, place, 2] = random.binomial(requests, REFUSED_SHARE, (CHECKS, 2))
    return bad


def judged(cell: Cell, bad: npt.NDArray[np.int64]) -> tuple[Step, int]:
    """The last step, and the canary's requests until then."""
    state, place, seen = State(), 0, 0
    for check, numbers in enumerate(bad.tolist(), start=1):
        weight = RULES.weights[place]
        canary, stable = cell.traffic(weight)
        seen += canary
        arms = {
            metric: TwoArms(Counts(canary, numbers[place][line][0]), Counts(stable, numbers[place][line][1]))
            for line, metric in enumerate((ERRORS, SLOW, REFUSED))
        }
        step = advance(state, RULES, Observation(check * RULES.check_seconds, weight, arms, canary, stable))
        if step.answer in (Answer.PROMOTE, Answer.ROLL_BACK):
            return step, seen
        state = step.state
        place += step.weight is not None
    raise AssertionError("no verdict at the deadline")


def flagger(bad: list[int], requests: int) -> str:
    failed = passed = 0
    while failed < 5 and passed < 5:
        fails = bad[failed + passed] > 0.01 * requests
        failed, passed = failed + fails, passed + (not fails)
    return Answer.PROMOTE if passed == 5 else Answer.ROLL_BACK


def argo(bad: list[int], requests: int) -> str:
    return Answer.ROLL_BACK if sum(each > 0.02 * requests for each in bad[:10]) > 3 else Answer.PROMOTE


def release(cell: Cell, seed: int) -> Ending:
    bad = stream(cell, seed)
    step, seen = judged(cell, bad)
    undecided = step.answer is Answer.ROLL_BACK and step.reasons[0].startswith("undecided")
    needed = [requests_needed(step.state, RULES, metric) for metric in RULES.margins] if undecided else [0]
    errors = bad[:, 0, 0, 0].tolist()
    return Ending(
        step.answer,
        undecided,
        seen,
        len(step.state.records),
        max(needed) if all(needed) else 0,
        flagger(errors, cell.requests),
        argo(errors, cell.requests),
    )


def line(cell: Cell, endings: list[Ending]) -> tuple[str, list[str]]:
    """The cell's line of the table, and the targets that it misses."""
    runs = len(endings)
    promoted = sum(it.answer == Answer.PROMOTE for it in endings) / runs
    rolled_back = sum(it.answer == Answer.ROLL_BACK and not it.undecided for it in endings) / runs
    undecided = sum(it.undecided for it in endings) / runs
    wanting = [it.needed for it in endings if it.needed]
    others = [
        f"{sum(getattr(it, tool) == Answer.PROMOTE for it in endings) / runs:9.1%}" for tool in ("flagger", "argo")
    ]
    text = (
        f"{cell.name:26}{cell.requests:>5} {promoted:9.1%} {rolled_back:9.1%} {undecided:9.1%}"
        f" {mean(it.requests for it in endings):9,.0f} {mean(it.minutes for it in endings):6.0f}"
        f" {f'{median(wanting):,.0f}' if wanting else '-':>8} {' '.join(others)}"
    )
    missed = []
    if cell.gap >= RULES.margins[ERRORS] - 1e-9 and promoted > ALPHA + 3 * sqrt(ALPHA * (1 - ALPHA) / runs):
        missed.append(f"{cell.name}, {cell.requests} a check: {promoted:.1%} promoted, at most 5 % + 3 sigma allowed")
    if cell.gap > 0.015 and 1 - promoted < CAUGHT:
        missed.append(f"{cell.name}, {cell.requests} a check: {1 - promoted:.1%} rolled back, at least 99 % wanted")
    return text, missed


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--releases", type=int, default=1000, help="in each cell (default %(default)s)")
    releases = parser.parse_args().releases
    began, missed = time.monotonic(), []
    print(f"{'':31} the judge{'':45} promoted by")
    print(f"{'canary v stable, traffic':31} promoted roll back undecided  requests    min   needed   Flagger      Argo")
    with ProcessPoolExecutor(2) as pool:
        for cell in cells():
            endings = list(pool.map(partial(release, cell), range(releases), chunksize=max(1, releases // 20)))
            text, misses = line(cell, endings)
            print(text, flush=True)
            missed += misses
    print(f"{releases:,} releases in each cell, {time.monotonic() - began:.0f} s")
    for miss in missed:
        print(f"missed: {miss}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
