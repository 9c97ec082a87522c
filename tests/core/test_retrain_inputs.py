"""What a retrain is asked for by: every text is checked, and one window has one key however it is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.retrain_inputs import read_cause, read_limits

WINDOW = "2026-01-01/2026-01-08"


@pytest.mark.parametrize(
    "window",
    [
        WINDOW,
        " 2026-01-01T00:00:00Z/2026-01-08T00:00:00Z ",
        "P7D/2026-01-08",
        "P1W/2026-01-08T01:00:00+01:00",
        "2026-01-01/P7D",
        "20260101000000/20260108000000",
    ],
)
def test_one_window_has_one_key_however_it_is_written(window: str) -> None:
    cause = read_cause(model="churn", window=window)
    assert cause.key == "churn/prod/drift/2026-01-01T00:00:00Z/2026-01-08T00:00:00Z"
    assert cause.as_of == datetime(2026, 1, 8, tzinfo=UTC)


def test_as_of_is_in_the_limits_and_not_in_the_key() -> None:
    scheduled, plain = (read_cause(model="churn", window=WINDOW, as_of=it) for it in ("20260120000000", ""))
    assert scheduled.key == plain.key
    assert scheduled.as_of == datetime(2026, 1, 20, tzinfo=UTC)
    assert scheduled.offered["as_of"] == "2026-01-20T00:00:00Z"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("model", "a/b"),
        ("model", ""),
        ("environment", "Prod"),
        ("trigger", "a/b"),
        ("trigger", ""),
        ("window", ""),
        ("window", "P7D"),
        ("window", "2026-01-08/2026-01-01"),
        ("window", "now/then"),
        ("as_of", "[[ScheduledTime]]"),
        ("as_of", "tomorrow"),
    ],
)
def test_what_cannot_be_used_is_named(parameter: str, value: str) -> None:
    given: dict[str, Any] = {"model": "churn", "window": WINDOW, parameter: value}
    with pytest.raises(InputError) as refused:
        read_cause(**given)
    assert refused.value.parameter in (parameter, "model_name", "time")


LIMITS: dict[str, Any] = {"cooldown": "P7D", "budget": 4, "budget_period": "P28D", "max_running": 1}


def test_a_cooldown_may_be_none() -> None:
    assert {read_limits(**{**LIMITS, "cooldown": it}).cooldown for it in ("", "P0D")} == {timedelta()}


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("cooldown", "a week"),
        ("cooldown", "P9999D"),
        ("budget", 0),
        ("budget", 101),
        ("budget_period", ""),
        ("max_running", 0),
        ("min_new_labels", -1),
    ],
)
def test_a_limit_that_cannot_be_kept_is_named(parameter: str, value: object) -> None:
    with pytest.raises(InputError) as refused:
        read_limits(**{**LIMITS, parameter: value})
    assert refused.value.parameter == parameter
