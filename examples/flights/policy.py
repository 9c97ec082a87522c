"""A policy of the story, as parameters of the pipelines; each file says when it was fixed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import weeks

FOLDER = Path(__file__).with_name("policies")
# What is not of the policy: a judge in a hurry, as the flights of a week are sent within a minute.
QUICK = {"check_seconds": 2, "checks_per_weight": 2, "deadline_seconds": 120, "slo_milliseconds": 100.0}


@dataclass(frozen=True)
class Policy:
    """What was fixed before the story; the attributes are the blocks of the file."""

    about: str
    model: dict[str, Any]
    gate: dict[str, Any]
    monitor: dict[str, Any]
    retrain: dict[str, Any]
    canary: dict[str, Any]
    weeks: tuple[int, int]

    def training(self, data: str, name: str) -> dict[str, Any]:
        """Parameters of train_and_release; ``as_of`` comes from whoever starts it."""
        return {
            "data_uri": data,
            "label": "late",
            "model_name": name,
            "service": name,
            "time_column": "scheduled_departure",
            "exclude": ["flight_id", "week"],
            "window": after_lag(self.model["training_window"], self.monitor["label_lag"]),
            "split_method": "time",
            "split_column": "scheduled_departure",
            "holdout_fraction": self.gate["holdout_fraction"],
            "metric": self.gate["metric"],
            "margin": self.gate["margin"],
            "estimator": self.model["estimator"],
            "parameters": json.dumps(self.model["parameters"]),
            "calibration_window": self.model["calibration_window"],
            "namespace": "default",
            **self.canary,
            **QUICK,
        }

    def monitoring(self) -> dict[str, Any]:
        """Parameters of monitor_and_retrain."""
        return {**{name: value for name, value in self.monitor.items() if name != "rule"}, **self.retrain}


def load_policy(name: str) -> Policy:
    return Policy(**json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def after_lag(duration: str, lag: str) -> str:
    """The days before ``as_of`` that hold so many labelled ones: the last ones have no label yet."""
    days = [int(each.removeprefix("P").removesuffix("D")) for each in (duration, lag)]
    return f"P{sum(days)}D"


def moment(week: int) -> str:
    """The first instant of a week."""
    return f"{weeks.START + weeks.pd.Timedelta(weeks=week):%Y-%m-%dT%H:%M:%SZ}"
