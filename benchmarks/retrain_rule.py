"""Does the retrain rule ring when it should, and only then?

    python benchmarks/retrain_rule.py [--seeds 10] [--first-seed 5000]

Per seed and world (independent days; weekdays and daily noise): 28 calibration days, 56 days on which nothing happens,
then each scenario's 21 days. Labels come seven days late. Every day is judged by the shipped functions: ``baselines``,
``measure_window`` and ``decide`` (rule J and rule I), and ``drift_of`` for the drift of each day. Beside it stand "any
p below 5 % after Bonferroni", with alibi-detect's own TabularDrift run on the first seed to compare, and "any PSI above
0.1". Of a scenario the table tells the change of accuracy in points, the percent of seeds in which the rule ever rang,
and the median day of the first ring. J can ring on day 8 at the earliest: seven for labels, one for a second window.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from drifting_world import CATEGORIES, NAMES, NUMBERS, TEXTS, Change, Rows, World, day_window

from kfp_lifecycle.components.monitoring.comparison import baselines
from kfp_lifecycle.components.monitoring.engines.drift import drift_of
from kfp_lifecycle.components.monitoring.engines.engine import engine_named
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan, important_columns
from kfp_lifecycle.components.monitoring.engines.reference import Reference, profile_reference
from kfp_lifecycle.components.monitoring.engines.window_rows import WindowRows
from kfp_lifecycle.components.monitoring.findings import Calibration, Findings, WindowDrift, WindowPerformance
from kfp_lifecycle.components.monitoring.outcome import MonitorOutcome
from kfp_lifecycle.components.monitoring.performance import Labelled, measure_window
from kfp_lifecycle.components.monitoring.rules import Rules, decide
from kfp_lifecycle.core.answers import Answers
from kfp_lifecycle.core.metrics import METRICS, measure
from kfp_lifecycle.core.profile import CalibrationWindow
from kfp_lifecycle.core.sketches import sketch_categories, sketch_numbers

CALIBRATION, QUIET, AFTER, LAG = 28, 56, 21, 7
J, J_LOSS, I_ALERT, P_ANY, PSI_ANY = "J accuracy", "J log_loss", "I alert", "p Bonferroni any", "PSI > 0.1 any"
SHOWN = (J, J_LOSS, I_ALERT, P_ANY, PSI_ANY)


@dataclass(frozen=True)
class Day:
    """One day as every rule sees it."""

    performance: dict[str, WindowPerformance]
    drift: WindowDrift
    accuracy: float


class Judge:
    """A world with its model's baselines and reference."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rules = Rules()
        calibration = [self.calibrated(number, world.day(number)) for number in range(CALIBRATION)]
        self.known = {name: baselines(calibration, name) for name in ("accuracy", "log_loss")}
        self.usual = float(np.mean([each.metrics["accuracy"] for each in calibration]))
        rows, scores = world.reference, np.concatenate([world.scores(world.day(n)) for n in range(CALIBRATION)])
        sketches = {name: sketch_numbers(values) for name, values in zip(NAMES, rows.numbers.T, strict=True)}
        for name, codes in zip(TEXTS, rows.codes.T, strict=True):
            sketches[name] = sketch_categories(np.array([f"v{code}" for code in codes], dtype=object))
        self.reference: Reference = profile_reference({**sketches, "_score": sketch_numbers(scores)}, len(rows.late))
        importances = {name: abs(float(weight)) for name, weight in zip(NAMES, world.model.coef_[0], strict=False)}
        self.plan = DriftPlan(
            columns={**dict.fromkeys(NAMES, "number"), **dict.fromkeys(TEXTS, "category"), "_score": "number"},
            importances=importances,
            important=important_columns(importances) | {"_score"},
        )
        self.engine = engine_named("native")

    def answers(self, rows: Rows) -> Answers:
        score = self.world.scores(rows)
        both = np.column_stack([1 - score, score])
        return Answers(rows.late.astype(np.int64), (score > 0.5).astype(np.int64), both, score, 2)

    def calibrated(self, number: int, rows: Rows) -> CalibrationWindow:
        answers, window = self.answers(rows), day_window(number)
        metrics = {name: measure(METRICS[name], answers) for name in ("accuracy", "log_loss")}
        return CalibrationWindow(window.start.isoformat(), window.end.isoformat(), len(rows.late), 0, metrics)

    def look(self, number: int, rows: Rows) -> Day:
        answers, window, count = self.answers(rows), day_window(number), len(rows.late)
        labelled = Labelled(answers, count, 0)
        performance = {
            name: measure_window(window, count, labelled, METRICS[name], found, self.rules, complete=True)
            for name, found in self.known.items()
        }
        batch = rows.batch(self.world.scores(rows))
        served = WindowRows(window, count, batch.schema, lambda columns: iter([batch.select(list(columns))]))
        drift = drift_of(served, self.reference, self.plan, self.engine)
        return Day(performance, drift, measure(METRICS["accuracy"], answers))

    def verdicts(self, days: Sequence[Day], today: int) -> dict[str, bool]:
        """What each rule says on the evening of a day, its labels still seven days away."""
        newest = days[today].drift
        return {
            J: self.outcome(days, today, "accuracy") is MonitorOutcome.RETRAIN,
            J_LOSS: self.outcome(days, today, "log_loss") is MonitorOutcome.RETRAIN,
            I_ALERT: self.outcome(days, today, "") is MonitorOutcome.ALERT,
            P_ANY: any(c.adjusted_p is not None and c.adjusted_p < 0.05 for c in features(newest)),
            PSI_ANY: any(c.psi is not None and c.psi > 0.1 for c in features(newest)),
        }

    def outcome(self, days: Sequence[Day], today: int, metric: str) -> MonitorOutcome:
        window = days[today].drift.window
        if not metric:
            drift = [day.drift for day in days[max(0, today - 2) : today + 1]]
            rules = replace(self.rules, without_labels="alert")  # type: ignore[arg-type]
            return decide(Findings(window, 0, (), drift, (), None), rules).outcome
        judged = [day.performance[metric] for day in days[max(0, today - LAG - 2) : max(0, today - LAG + 1)]]
        calibration = Calibration(metric, METRICS[metric].larger_is_better, 0.0, 0.0, ())
        return decide(Findings(window, 0, (), (), judged, calibration), self.rules).outcome


def features(drift: WindowDrift) -> list:
    return [column for column in drift.columns if column.name != "_score"]


def scenarios(world: World) -> dict[str, tuple[bool, Change]]:
    """Whether a retrain would help, and what happens; the drops are in points of accuracy."""
    weakest = NUMBERS - 1
    better = int(np.argmax(np.abs(world.weights)))
    turn = {drop: world.turn_for(drop / 100) for drop in (2, 3, 5, 10)}
    return {
        "tiny: all means .1": (False, Change(shifts=tuple((n, 0.1) for n in range(NUMBERS)))),
        "irrelevant mean .5": (False, Change(shifts=((weakest, 0.5),))),
        "irrelevant mean 1": (False, Change(shifts=((weakest, 1.0),))),
        "important mean .3": (False, Change(shifts=((better, 0.3),))),
        "important mean 1": (False, Change(shifts=((better, 1.0),))),
        "category shares": (False, Change(shares=True)),
        "drop 2 points": (True, Change(turn=turn[2])),
        "drop 3 points": (True, Change(turn=turn[3])),
        "drop 5 points": (True, Change(turn=turn[5])),
        "drop 10 points": (True, Change(turn=turn[10])),
        "gradual to 10": (True, Change(turn=turn[10], gradual=True)),
        "broken sensor": (True, Change(broken=better)),
    }


class Tally:
    """What every rule said, over all seeds of one world."""

    def __init__(self) -> None:
        self.quiet: dict[str, int] = defaultdict(int)
        self.windows = 0
        self.runs: dict[str, dict[str, list[int | None]]] = defaultdict(lambda: defaultdict(list))
        self.changes: dict[str, list[float]] = defaultdict(list)
        self.useful: dict[str, bool] = {}

    def add_seed(self, seed: int, seasonal: bool) -> None:
        world = World(seed, seasonal)
        judge = Judge(world)
        first = CALIBRATION + LAG + 2
        quiet = [judge.look(CALIBRATION + n, world.day(CALIBRATION + n)) for n in range(LAG + 2 + QUIET)]
        for today in range(LAG + 2, len(quiet)):
            self.windows += 1
            for name, rings in judge.verdicts(quiet, today).items():
                self.quiet[name] += rings
        start = first + QUIET
        for name, (useful, change) in scenarios(world).items():
            self.useful[name] = useful
            days = list(quiet[-(LAG + 2) :])
            for n in range(AFTER):
                part = (n + 1) / AFTER if change.gradual else 1.0
                days.append(judge.look(start + n, world.day(start + n, change, part)))
            self.changes[name].append(float(np.mean([day.accuracy for day in days[LAG + 2 :]])) - judge.usual)
            rung: dict[str, int | None] = dict.fromkeys(SHOWN)
            for today in range(LAG + 2, len(days)):
                for rule, rings in judge.verdicts(days, today).items():
                    if rings and rung[rule] is None:
                        rung[rule] = today - (LAG + 2)
            for rule, at in rung.items():
                self.runs[name][rule].append(at)

    def show(self, title: str) -> None:
        print(f"\n{title}: {self.windows} windows on which nothing happened")
        print(f"{'':24}{'change':>8}" + "".join(f"{name:>20}" for name in SHOWN))
        print(f"{'false, per 100 windows':32}" + "".join(f"{100 * self.quiet[n] / self.windows:>20.2f}" for n in SHOWN))
        for name, useful in self.useful.items():
            cells = "".join(f"{cell(self.runs[name][rule]):>20}" for rule in SHOWN)
            change = 100 * float(np.mean(self.changes[name]))
            print(f"{name:20}{'help' if useful else '':4}{change:>+8.1f}{cells}")


def cell(found: Sequence[int | None]) -> str:
    """Percent of the runs that rang, and the median window of the first ring."""
    rang = [at for at in found if at is not None]
    return f"{100 * len(rang) / len(found):.0f} @ {np.median(rang):.0f}" if rang else "0"


def compare_with_alibi(seed: int, seasonal: bool, days: int) -> None:
    """TabularDrift itself, on the days of one seed, beside our own tests against every reference row."""
    from alibi_detect.cd import TabularDrift

    world = World(seed, seasonal)
    judge = Judge(world)
    rows = world.reference
    x = np.column_stack([rows.numbers, rows.codes]).astype(np.float64)
    places = {NUMBERS + n: None for n in range(CATEGORIES)}
    detector = TabularDrift(x, p_val=0.05, categories_per_feature=places, correction="bonferroni")
    rang, ours, clock = 0, 0, time.process_time()
    for n in range(days):
        day = world.day(CALIBRATION + n)
        window = np.column_stack([day.numbers, day.codes]).astype(np.float64)
        rang += int(detector.predict(window)["data"]["is_drift"])
        drift = judge.look(CALIBRATION + n, day).drift
        ours += any(c.adjusted_p is not None and c.adjusted_p < 0.05 * 16 / 17 for c in features(drift))
    print(
        f"seed {seed}, {'seasonal' if seasonal else 'iid'}: TabularDrift rang on {rang} of {days} windows, our tests"
        f" against the sketches on {ours} ({time.process_time() - clock:.0f} s of CPU)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=5000)
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    clock = time.process_time()
    for title, seasonal in (("independent days", False), ("weekdays and daily noise", True)):
        tally = Tally()
        for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
            tally.add_seed(seed, seasonal)
        tally.show(title)
        compare_with_alibi(asked.first_seed, seasonal, 40)
    print(f"\n{time.process_time() - clock:.0f} s of CPU")


if __name__ == "__main__":
    main()
