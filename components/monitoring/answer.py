"""The decision with its numbers, made from the findings alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from kfp_lifecycle.components.monitoring import expectation
from kfp_lifecycle.components.monitoring.comparison import baselines
from kfp_lifecycle.components.monitoring.findings import Findings
from kfp_lifecycle.components.monitoring.request import MonitorRequest
from kfp_lifecycle.components.monitoring.rules import Rules, decide, judged_windows, significant_windows
from kfp_lifecycle.components.monitoring.watched import Watched
from kfp_lifecycle.core.checksums import canonical_json, sha256_bytes
from kfp_lifecycle.core.decision import Decision
from kfp_lifecycle.core.window import format_time


@dataclass(frozen=True)
class Answer:
    """A decision with what it was made from.

    Attributes:
        key: names the monitoring, so that a second attempt records nothing twice.
    """

    decision: Decision
    findings: Findings
    key: str


def answer_of(findings: Findings, watched: Watched, request: MonitorRequest, table_digest: str) -> Answer:
    """Decide."""
    verdict = decide(findings, request.rules)
    inputs = {
        "model_name": request.model_name,
        "environment": request.environment,
        "version": watched.version,
        "digest": watched.digest,
        "table_digest": table_digest,
        "window": str(findings.window),
        "as_of": format_time(request.as_of),
        "label": request.label,
        "label_lag": iso_duration(request.label_lag),
        "engine": request.engine,
        "reference": request.reference,
        "joint": request.joint,
        "correction": request.correction,
        "metric": findings.calibration.metric if findings.calibration else "",
        "run_id": request.run_id,
        **{name: str(value) if isinstance(value, str) else value
           for name, value in vars(request.rules).items() if value is not None},
    }  # fmt: skip
    decision = Decision(verdict.outcome, verdict.reasons, _numbers(findings, watched, request), inputs)
    # One KFP run may hold several monitors, one for each model; without a run the rows tell monitorings apart. A run is
    # told by the version that it asked for: between two attempts the champion may change.
    told = [request.run_id, request.version] if request.run_id else [table_digest, watched.version]
    named = [*told, request.model_name, request.environment, str(findings.window)]
    return Answer(decision, findings, sha256_bytes(canonical_json(named)))


def recorded(answer: Answer) -> dict[str, float]:
    """What KFP and MLflow show: the decision's numbers."""
    return {name: float(value) for name, value in answer.decision.numbers.items()}


def iso_duration(length: timedelta) -> str:
    """Whole days and seconds, as ISO 8601 has them."""
    days, seconds = length.days, length.seconds
    return f"P{days}D" + (f"T{seconds}S" if seconds else "")


def _numbers(findings: Findings, watched: Watched, request: MonitorRequest) -> dict[str, float | int]:
    rules = request.rules
    numbers: dict[str, float | int | None] = {
        "rows": findings.rows,
        "rows_outside_windows": findings.outside,
        "rows_without_time": findings.untimed,
        "rows_of_no_named_version": findings.unnamed,
        "faults": sum(fault.blocking for fault in findings.faults),
    }
    if findings.drift:
        numbers |= _of_drift(findings, rules)
        numbers["expected_false_alerts_per_100_windows"] = expectation.false_alerts(rules, request.joint != "none")
    if findings.calibration is not None:
        judged = judged_windows(findings.performance, rules.windows)
        numbers |= {
            "labelled_rows": sum(each.labelled for each in judged),
            "judged_windows": sum(each.p_value is not None for each in judged),
            "flagged_windows": sum(each.flagged for each in judged),
            "calibration_mean": findings.calibration.mean,
            "calibration_windows": len(findings.calibration.windows),
        }
        if judged:
            last = judged[-1]
            numbers |= {
                findings.calibration.metric: last.value,
                "drop": last.drop,
                "drop_standard_error": last.error,
                "drop_p": last.p_value,
                "drop_flagged_above": last.limit,
            }
        if not findings.calibration.note:
            found = baselines(watched.profile.performance.windows, findings.calibration.metric)
            numbers["expected_false_retrains_per_100_windows"] = max(
                expectation.false_retrains(each, rules) for each in found.values()
            )
    return {name: value for name, value in numbers.items() if value is not None and math.isfinite(value)}


def _of_drift(findings: Findings, rules: Rules) -> dict[str, float | int | None]:
    newest = findings.drift[-1]
    effects = [column.psi for column in newest.columns if column.psi is not None]
    tested = [column for column in newest.columns if column.adjusted_p is not None]
    return {
        "tested_columns": len(tested),
        "drifted_columns": sum(column.drifted for column in newest.columns),
        "drifted_important_columns": sum(column.drifted and column.important for column in newest.columns),
        "largest_psi": max(effects, default=None),
        # What a rule of p-values alone would have rung on.
        "windows_with_small_p": significant_windows(findings.drift[-rules.windows :], rules),
        "joint_p": newest.joint.p_value if newest.joint else None,
    }
