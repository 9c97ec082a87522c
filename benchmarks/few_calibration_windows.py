"""What does the retrain rule do with few calibration windows?

    python benchmarks/few_calibration_windows.py [--draws 20000]

Calibration windows and three judged windows are drawn from one normal distribution, so every retrain is a false one;
the limit of the drop itself is left out, as it hides the rule. The rule with the normal quantile 3.09 stands beside the
shipped comparison, on independent windows and on windows that resemble their neighbours (correlation .5). The last
columns say how large a lasting drop is, in deviations between windows, that is found in half and in nine of ten cases.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
from scipy.special import ndtr

from kfp_lifecycle.components.monitoring.comparison import baselines, compare
from kfp_lifecycle.components.monitoring.expectation import false_retrains
from kfp_lifecycle.components.monitoring.rules import Rules
from kfp_lifecycle.core.metrics import METRICS
from kfp_lifecycle.core.profile import CalibrationWindow

METRIC = METRICS["accuracy"]
START = datetime(2013, 1, 7, tzinfo=UTC)
RULES = Rules()
# Very many, so that windows differ only from week to week.
ROWS = 10**9


def of_calibration(values: np.ndarray) -> list[CalibrationWindow]:
    weeks = [START + timedelta(weeks=n) for n in range(len(values) + 1)]
    return [
        CalibrationWindow(start.isoformat(), end.isoformat(), ROWS, 0, {METRIC.name: float(value)})
        for start, end, value in zip(weeks, weeks[1:], values, strict=False)
    ]


def normal_limit(values: np.ndarray) -> float:
    return 3.0902 * float(values.std(ddof=1))


def shipped_limit(values: np.ndarray) -> float:
    [found] = baselines(of_calibration(values), METRIC.name).values()
    return compare(0.0, 1e-9, ROWS, found, METRIC, RULES.p_limit).limit


def drawn(random: np.random.Generator, count: int, correlation: float) -> np.ndarray:
    steps = random.normal(size=count)
    values = steps.copy()
    for n in range(1, count):
        values[n] = correlation * values[n - 1] + np.sqrt(1 - correlation**2) * steps[n]
    return values


def false_per_hundred(limit: Callable[[np.ndarray], float], count: int, draws: int, correlation: float) -> float:
    """Judgements of three windows, of which two were flagged."""
    random, rang = np.random.default_rng(count), 0
    for _ in range(draws):
        values = drawn(random, count + 3, correlation)
        below = values[:count].mean() - values[count:]
        rang += int((below > limit(values[:count])).sum() >= RULES.needed)
    return 100 * rang / draws


def found_drop(limit: Callable[[np.ndarray], float], count: int, chance: float) -> float:
    """The drop with which two of three windows are flagged with this chance, averaged over calibrations."""
    random = np.random.default_rng(count)
    drawings = [random.normal(size=count) for _ in range(1000)]
    reach = np.array([limit(values) - values.mean() for values in drawings])
    low, high = 0.0, 60.0
    while high - low > 0.01:
        middle = (low + high) / 2
        one = ndtr(middle - reach)
        low, high = (middle, high) if np.mean(3 * one**2 - 2 * one**3) < chance else (low, middle)
    return high


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20_000)
    draws = parser.parse_args().draws
    print(f"{'':10}{'false retrains per 100 judgements':^66}{'drop found':^22}")
    print(f"{'windows':>8}{'3.09 s':>10}{'alike':>8}{'shipped':>12}{'alike':>8}{'expected':>12}", end="")
    print(f"{'3.09 s 50 %':>18}{'shipped 50 %':>14}{'90 %':>8}")
    for count in (4, 5, 6, 8, 12):
        [found] = baselines(of_calibration(np.arange(count, dtype=float)), METRIC.name).values()
        cases = [(limit, correlation) for limit in (normal_limit, shipped_limit) for correlation in (0, 0.5)]
        figures = [false_per_hundred(limit, count, draws, correlation) for limit, correlation in cases]
        print(f"{count:>8}{figures[0]:>10.2f}{figures[1]:>8.2f}{figures[2]:>12.3f}{figures[3]:>8.3f}", end="")
        print(f"{false_retrains(found, RULES):>12.3f}{found_drop(normal_limit, count, 0.5):>18.1f}", end="")
        print(f"{found_drop(shipped_limit, count, 0.5):>14.1f}{found_drop(shipped_limit, count, 0.9):>8.1f}")


if __name__ == "__main__":
    main()
