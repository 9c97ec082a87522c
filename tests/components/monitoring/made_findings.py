"""Findings of a made-up service of flights, and of as many columns and windows as a test asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from kfp_lifecycle.components.monitoring.findings import (
    Calibration,
    ColumnDrift,
    Fault,
    Findings,
    JointDrift,
    WindowDrift,
    WindowPerformance,
)
from kfp_lifecycle.components.monitoring.outcome import MonitorOutcome
from kfp_lifecycle.core.decision import Decision
from kfp_lifecycle.core.sketches import Sketch, sketch_categories, sketch_numbers
from kfp_lifecycle.core.window import Window

START = datetime(2013, 6, 3, tzinfo=UTC)
WEEK = timedelta(days=7)
FEATURES = ("temp", "carrier", "precip", "visib", "hour", "wind_speed", "pressure", "distance", "origin")


def week(number: int) -> Window:
    """The weeks of the service, from its first one."""
    return Window(START + number * WEEK, START + (number + 1) * WEEK)


def column(name: str, psi: float | None = 0.02, **changes: Any) -> ColumnDrift:
    """A column that changed so much, plausible in all else."""
    values: dict[str, Any] = {
        "name": name,
        "kind": "numbers",
        "test": "ks",
        "statistic": None if psi is None else math.sqrt(psi) / 2,
        "p_value": None if psi is None else math.exp(-600 * psi),
        "adjusted_p": None if psi is None else min(1.0, 50 * math.exp(-600 * psi)),
        "psi": psi,
        "wasserstein": None if psi is None else math.sqrt(psi),
        "jensen_shannon": None if psi is None else math.sqrt(psi) / 3,
        "largest_error": 0.0005,
        "rows": 6000,
        "missing": 0.012,
        "reference_missing": 0.004,
        "missing_p": 0.0004,
    }
    return ColumnDrift(**{**values, **changes})


def sketches(names: Sequence[str], shift: float, seed: int) -> dict[str, Sketch]:
    """A sketch a column: the second is of categories, the third mostly zero, the fifth of whole numbers."""
    random = np.random.default_rng(seed)
    made: dict[str, Sketch] = {}
    for place, name in enumerate(names):
        if place == 1:
            rates = np.r_[np.linspace(9, 2, 12) + shift * np.linspace(0, 4, 12), 1, 1, 1]
            drawn = random.choice([f"C{number}" for number in range(15)], 5000, p=rates / rates.sum())
            made[name] = sketch_categories(drawn.astype(object))
        elif place == 2:
            made[name] = sketch_numbers(np.where(random.random(5000) < 0.9, 0.0, random.exponential(0.1, 5000)))
        elif place == 4:
            made[name] = sketch_numbers(random.binomial(23, 0.55 + 0.02 * shift, 5000).astype(float))
        else:
            made[name] = sketch_numbers(random.normal(50 * shift / (place + 1), 20, 5000))
    return made


def served(number: int, value: float | None = 0.41, **changes: Any) -> WindowPerformance:
    """A week of predictions, labelled and complete."""
    drop = None if value is None else value - 0.4
    p_value = None if drop is None else 0.5 * math.erfc(drop / 0.02 / math.sqrt(2))
    values: dict[str, Any] = {
        "window": week(number),
        "rows": 6200 + 30 * number,
        "labelled": 0 if value is None else 6100,
        "value": value,
        "drop": drop,
        "error": None if value is None else 0.02,
        "p_value": p_value,
        "flagged": drop is not None and p_value is not None and drop > 0.02 and p_value < 0.001,
        "complete": value is not None,
        "note": "no labels yet" if value is None else "",
        "limit": None if value is None else 0.062,
    }
    return WindowPerformance(**{**values, **changes})


def calibration() -> Calibration:
    """Eight weeks before the service, log-loss 0.4."""
    values = (0.38, 0.41, 0.39, 0.42, 0.40, 0.39, 0.43, 0.38)
    return Calibration("log_loss", False, 0.4, 0.018, [(week(i - 14), value) for i, value in enumerate(values)])


def findings(columns: int = 9, windows: int = 8, **changes: Any) -> Findings:
    """So many columns and the score in so many windows; the first columns change more and more."""
    names = [*FEATURES, *(f"feature_{number:02}" for number in range(len(FEATURES), columns))][:columns]

    def compared(number: int) -> list[ColumnDrift]:
        grown = (number + 1) / windows
        made = []
        for place, name in enumerate([*names, "_score"]):
            psi = 0.9 * grown**2 / (place + 1) + 0.004 * ((place * 7 + number) % 5)
            important = place < 3 or name == "_score"
            more = {"kind": "categories", "test": "chi_square", "wasserstein": None} if place == 1 else {}
            made.append(column(name, psi, important=important, importance=0.2 / (place + 1), drifted=psi > 0.1, **more))
        return made

    drift = [
        WindowDrift(week(number), 6200, compared(number), JointDrift("ClassifierDrift", 0.2 / (number + 1), number > 5))
        for number in range(windows)
    ]
    performance = [served(number, 0.4 + 0.006 * (-1) ** number + 0.0025 * number**2) for number in range(windows - 1)]
    values: dict[str, Any] = {
        "window": week(windows - 1),
        "rows": 6410,
        "faults": [Fault("unseen_categories", "carrier", "3 of 6,410 rows hold a carrier never seen before", False)],
        "drift": drift,
        "performance": [*performance, served(windows - 1, None)],
        "calibration": calibration(),
        "reference": sketches([*names, "_score"], 0.0, 1),
        "current": sketches([*names, "_score"], 1.0, 2),
    }
    return Findings(**{**values, **changes})


def decision(outcome: MonitorOutcome = MonitorOutcome.RETRAIN, **changes: Any) -> Decision:
    """A decision as the monitor makes it."""
    values: dict[str, Any] = {
        "outcome": outcome,
        "reasons": [
            "log_loss was worse than in calibration by more than 0.02 with p below 0.001 in 2 of the last 3 complete"
            " windows.",
            "temp and carrier, which matter to the model, have drifted.",
        ],
        "numbers": {
            "rows": 6410,
            "log_loss": 0.474,
            "log_loss_calibration": 0.4,
            "expected_false_retrains_per_100_windows": 0.0003,
            "expected_false_alerts_per_100_windows": 0.5,
        },
        "inputs": {
            "model_name": "flights-late",
            "version": "3",
            "environment": "prod",
            "window": "2013-07-22/2013-07-29",
            "engine": "native",
            "correction": "bonferroni",
            "drop": 0.02,
            "p_limit": 0.001,
            "needed": 2,
            "windows": 3,
            "psi_limit": 0.1,
            "drift_p": 0.01,
            "label_lag": "P7D",
        },
    }
    return Decision(**{**values, **changes})
