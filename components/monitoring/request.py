"""What a monitoring is asked for, checked before anything is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kfp_lifecycle.components.monitoring.engines.corrections import CORRECTIONS
from kfp_lifecycle.components.monitoring.rules import Policy, Rules
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.model_name import check_model_name
from kfp_lifecycle.core.release import check_environment
from kfp_lifecycle.core.window import parse_duration, resolve_as_of

ENGINES = ("alibi-detect", "native", "none")
REFERENCES = ("profile", "table")
JOINT = ("none", "classifier", "mmd", "lsdd")
_NO_LAG = ("", "P0D", "PT0S")
WINDOWS_AT_MOST = 60


@dataclass(frozen=True)
class MonitorRequest:
    """A monitoring of one version of one model.

    Attributes:
        label: the column of the true answer; empty where none comes.
        as_of: the moment up to which windows count back.
        length: of a window; None takes that of the calibration windows.
        label_lag: how long after a window's end its labels may come.
        exclude: inputs of the model that are not looked at.
        version: empty for the environment's champion.
        reference: ``profile`` or ``table``, which is then at ``reference_uri``.
        metric: empty for the default.
    """

    model_name: str
    environment: str
    version: str
    label: str
    as_of: datetime
    length: timedelta | None
    label_lag: timedelta
    time_column: str
    exclude: tuple[str, ...]
    engine: str
    reference: str
    reference_uri: str
    joint: str
    correction: str
    metric: str
    rules: Rules
    run_id: str


def check_request(
    *,
    now: datetime,
    model_name: str,
    environment: str,
    version: str,
    label: str,
    as_of: str,
    windows: int,
    window: str,
    label_lag: str,
    time_column: str,
    exclude: Sequence[str],
    engine: str,
    reference: str,
    reference_uri: str,
    joint: str,
    correction: str,
    metric: str,
    drop: float,
    p_limit: float,
    needed: int,
    psi_limit: float,
    drift_p: float,
    min_rows: int,
    max_missing_rise: float,
    max_unseen: float,
    without_labels: str,
    run_id: str,
) -> MonitorRequest:
    """The request, if every argument can be one.

    Raises:
        InputError: names the first argument that cannot.
    """
    check_model_name(model_name)
    check_environment(environment)
    _one_of("engine", engine, ENGINES)
    _one_of("reference", reference, REFERENCES)
    _one_of("joint", joint, JOINT)
    _one_of("correction", correction, tuple(CORRECTIONS))
    if (reference == "table") != bool(reference_uri):
        raise InputError(
            "reference_uri",
            reference_uri,
            "the training table where reference is table, and nothing otherwise",
            "Give both or neither.",
        )
    if engine == "none" and joint != "none":
        raise InputError("joint", joint, "none where engine is none", "Choose an engine to test drift at all.")
    if not time_column:
        raise InputError("time_column", time_column, "the column of event time", "Logged rows have _event_time.")
    return MonitorRequest(
        model_name=model_name,
        environment=environment,
        version=version,
        label=label,
        as_of=resolve_as_of(as_of, now),
        length=parse_duration(window) if window.strip() else None,
        label_lag=timedelta() if label_lag.strip() in _NO_LAG else parse_duration(label_lag, "label_lag"),
        time_column=time_column,
        exclude=tuple(exclude),
        engine=engine,
        reference=reference,
        reference_uri=reference_uri,
        joint=joint,
        correction=correction,
        metric=metric,
        rules=Rules(
            windows=_count("windows", windows, WINDOWS_AT_MOST),
            needed=_count("needed", needed, int(windows)),
            drop=_number("drop", drop, 0.0, math.inf),
            p_limit=_number("p_limit", p_limit, 0.0, 0.5),
            psi_limit=_number("psi_limit", psi_limit, 0.0, math.inf),
            drift_p=_number("drift_p", drift_p, 0.0, 0.5),
            min_rows=_count("min_rows", min_rows, 1 << 40),
            max_missing_rise=_number("max_missing_rise", max_missing_rise, 0.0, 1.0),
            max_unseen=_number("max_unseen", max_unseen, 0.0, 1.0),
            without_labels=_policy(label, engine, without_labels),
        ),
        run_id=run_id,
    )


def _policy(label: str, engine: str, chosen: str) -> Policy | None:
    """What a drift means where no label comes; a rule that can be wrong both ways is nobody's default."""
    if chosen:
        _one_of("without_labels", chosen, tuple(Policy))
    if label:
        return None
    if engine == "none":
        raise InputError("engine", engine, "an engine where no label is given", "Without either nothing is looked at.")
    if not chosen:
        raise InputError(
            "without_labels",
            chosen,
            "alert or challenger, as no label is given and drift alone says neither that a model got worse nor that it"
            " did not",
            "Name the label's column; or choose alert to be told only, or challenger to train a model that must beat"
            " the champion on fresh labelled rows.",
        )
    return Policy(chosen)


def _one_of(parameter: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(parameter, value, f"one of {', '.join(known)}", "Leave it out for the default.")


def _count(parameter: str, value: float, most: int) -> int:
    if not (math.isfinite(value) and value == int(value) and 1 <= value <= most):
        raise InputError(parameter, value, f"a whole number from 1 to {most}", "Leave it out for the default.")
    return int(value)


def _number(parameter: str, value: float, low: float, high: float) -> float:
    if not (math.isfinite(value) and low <= value <= high):
        expected = f"a number from {low:g} up" if math.isinf(high) else f"a number from {low:g} to {high:g}"
        raise InputError(parameter, value, expected, "Leave it out for the default.")
    return float(value)
