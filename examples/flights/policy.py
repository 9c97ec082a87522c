"""The policy of the story, as parameters of the pipelines; the file was fixed before the story was first run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import weeks

FILE = Path(__file__).with_name("policy.json")
POLICY: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
# What is not of the policy: a judge in a hurry, as the flights of a week are sent within a minute.
QUICK = {"check_seconds": 2, "checks_per_weight": 2, "deadline_seconds": 120, "slo_milliseconds": 100.0}


def training(data: str, name: str) -> dict[str, Any]:
    """Parameters of train_and_release; ``as_of`` or a window comes from whoever starts it."""
    model, gate = POLICY["model"], POLICY["gate"]
    return {
        "data_uri": data,
        "label": "late",
        "model_name": name,
        "service": name,
        "time_column": "scheduled_departure",
        "exclude": ["flight_id", "week"],
        "window": after_lag(model["training_window"]),
        "split_method": "time",
        "split_column": "scheduled_departure",
        "holdout_fraction": gate["holdout_fraction"],
        "metric": gate["metric"],
        "margin": gate["margin"],
        "estimator": model["estimator"],
        "parameters": json.dumps(model["parameters"]),
        "calibration_window": model["calibration_window"],
        "namespace": "default",
        **POLICY["canary"],
        **QUICK,
    }


def after_lag(duration: str) -> str:
    """The days before ``as_of`` that hold so many labelled ones: the last ones have no label yet."""
    days = int(duration.removeprefix("P").removesuffix("D")) + int(POLICY["monitor"]["label_lag"][1:-1])
    return f"P{days}D"


def moment(week: int) -> str:
    """The first instant of a week."""
    return f"{weeks.START + weeks.pd.Timedelta(weeks=week):%Y-%m-%dT%H:%M:%SZ}"
