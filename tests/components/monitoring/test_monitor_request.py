"""Is what cannot be asked for refused, with its name?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kfp_lifecycle.components.monitoring.request import MonitorRequest, check_request
from kfp_lifecycle.components.monitoring.rules import Policy
from kfp_lifecycle.core.errors import InputError

NOW = datetime(2013, 5, 27, 3, tzinfo=UTC)


def asked(**changed: Any) -> MonitorRequest:
    plain: dict[str, Any] = {
        "now": NOW, "model_name": "people", "environment": "prod", "version": "", "label": "late", "as_of": "",
        "windows": 3, "window": "", "label_lag": "P0D", "time_column": "_event_time", "exclude": (), "engine": "native",
        "reference": "profile", "reference_uri": "", "joint": "none", "correction": "bonferroni", "metric": "",
        "drop": 0.02, "p_limit": 0.001, "needed": 2, "psi_limit": 0.1, "drift_p": 0.01, "min_rows": 200,
        "max_missing_rise": 0.1, "max_unseen": 0.05, "without_labels": "", "run_id": "",
    }  # fmt: skip
    return check_request(**{**plain, **changed})


@pytest.mark.parametrize(
    ("parameter", "changed"),
    [
        ("model_name", {"model_name": "a b"}),
        ("environment", {"environment": "Prod!"}),
        ("engine", {"engine": "alibi"}),
        ("engine", {"engine": "none", "label": ""}),
        ("reference", {"reference": "all"}),
        ("reference_uri", {"reference": "table"}),
        ("reference_uri", {"reference_uri": "s3://b/t"}),
        ("joint", {"joint": "all"}),
        ("joint", {"engine": "none", "joint": "classifier"}),
        ("correction", {"correction": "none"}),
        ("time_column", {"time_column": ""}),
        ("window", {"window": "7 days"}),
        ("label_lag", {"label_lag": "a week"}),
        ("as_of", {"as_of": "yesterday"}),
        ("windows", {"windows": 0}),
        ("windows", {"windows": 61}),
        ("needed", {"needed": 4}),
        ("drop", {"drop": -0.1}),
        ("drop", {"drop": float("nan")}),
        ("p_limit", {"p_limit": 0.6}),
        ("psi_limit", {"psi_limit": -1}),
        ("drift_p", {"drift_p": 1}),
        ("min_rows", {"min_rows": 0}),
        ("max_missing_rise", {"max_missing_rise": 2}),
        ("max_unseen", {"max_unseen": -1}),
        ("without_labels", {"label": ""}),
        ("without_labels", {"without_labels": "retrain"}),
    ],
)
def test_a_wrong_argument_is_named(parameter: str, changed: dict[str, Any]) -> None:
    with pytest.raises(InputError) as raised:
        asked(**changed)
    assert raised.value.parameter == parameter


def test_what_drift_means_without_labels_has_to_be_said() -> None:
    assert asked().rules.without_labels is None
    assert asked(label="", without_labels="alert").rules.without_labels is Policy.ALERT
    assert asked(without_labels="challenger").rules.without_labels is None, "labels come, so nothing hangs on it"


@pytest.mark.parametrize("lag", ["", "P0D", "PT0S"])
def test_labels_may_come_at_once(lag: str) -> None:
    assert asked(label_lag=lag).label_lag == timedelta()


def test_a_schedule_that_was_not_expanded_means_now() -> None:
    assert asked(as_of="[[ScheduledTime]]").as_of == NOW
    assert asked(as_of="20130520000000").as_of == datetime(2013, 5, 20, tzinfo=UTC)
