"""Everything that is measured for one answer: faults first, then drift, then performance."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from kfp_lifecycle.components.monitoring.comparison import baselines, overall, span_of, why_incomparable
from kfp_lifecycle.components.monitoring.drifting import drift_of_windows, newest_sketches
from kfp_lifecycle.components.monitoring.findings import Calibration, Fault, Findings, WindowPerformance
from kfp_lifecycle.components.monitoring.performance import (
    chosen_metric,
    label_faults,
    labelled_rows,
    measure_window,
    require_columns,
)
from kfp_lifecycle.components.monitoring.quality import row_faults, schema_faults
from kfp_lifecycle.components.monitoring.request import MonitorRequest
from kfp_lifecycle.components.monitoring.served_rows import ServedWindow, find_rows
from kfp_lifecycle.components.monitoring.watched import Watched
from kfp_lifecycle.components.monitoring.windows import WEEK, WindowPlan, plan_windows
from kfp_lifecycle.core.metrics import Metric
from kfp_lifecycle.core.window import Window


def look(table: str, watched: Watched, request: MonitorRequest) -> Findings:
    """Measure the windows before ``as_of``.

    Raises:
        InputError: the table lacks a column that was named, or a parameter does not fit the model.
    """
    plan = plan_windows(request.as_of, window_length(watched, request), request.rules.windows, request.label_lag)
    found = find_rows(table, request.time_column, plan.windows, watched.version)
    schema = found.windows[-1].schema
    if request.label:
        require_columns(request.label, schema.names)
    faults = schema_faults(watched.inputs, schema)
    for window in found.windows:
        faults += row_faults(window, watched.inputs, watched.profile.columns, request.rules)
    broken = _broken(faults, plan)
    drift = []
    if request.engine != "none":
        drift = drift_of_windows(found.windows[-plan.recent :], watched, request, broken)
    calibration, performance, unmeasured = _performance(found.windows, plan, watched, request, broken)
    newest = found.windows[-1]
    drawn = {} if request.engine == "none" else watched.columns
    return Findings(
        window=plan.newest,
        rows=newest.rows,
        faults=[*faults, *unmeasured],
        drift=drift,
        performance=performance,
        calibration=calibration,
        importances=dict(watched.profile.importances.values),
        reference=watched.sketches,
        current=newest_sketches(newest, drawn) if drawn else {},
        outside=found.outside,
        untimed=found.untimed,
        unnamed=found.unnamed,
    )


def window_length(watched: Watched, request: MonitorRequest) -> timedelta:
    """The length asked for, else that of the calibration windows, else a week."""
    if request.length is not None:
        return request.length
    windows = watched.profile.performance.windows
    return span_of(windows[0]).end - span_of(windows[0]).start if windows else WEEK


def _broken(faults: Collection[Fault], plan: WindowPlan) -> frozenset[Window]:
    """The windows with a fault that blocks; all of them where it is the table's schema."""
    blocking = [fault for fault in faults if fault.blocking]
    if any(fault.window is None for fault in blocking):
        return frozenset(plan.windows)
    return frozenset(fault.window for fault in blocking if fault.window is not None)


def _performance(
    windows: tuple[ServedWindow, ...],
    plan: WindowPlan,
    watched: Watched,
    request: MonitorRequest,
    broken: Collection[Window],
) -> tuple[Calibration | None, list[WindowPerformance], list[Fault]]:
    if not request.label:
        return None, [], []
    known = watched.profile.performance
    metric = chosen_metric(request.metric, watched.signature, known.windows)
    length = plan.newest.end - plan.newest.start
    why = known.note if not known.windows else why_incomparable(known.windows, metric.name, length)
    found = {} if why else baselines(known.windows, metric.name)
    performance: list[WindowPerformance] = []
    faults: list[Fault] = []
    for number, window in enumerate(windows):
        labelled = labelled_rows(window, request.label, watched.signature)
        own = label_faults(labelled, request.label, window.window, request.rules)
        measured = measure_window(
            window.window,
            window.own,
            labelled,
            metric,
            found,
            request.rules,
            complete=number < plan.complete,
            faulty=window.window in broken or any(fault.blocking for fault in own),
        )
        performance.append(measured)
        faults += own
    return _calibration(watched, metric, why), performance, faults


def _calibration(watched: Watched, metric: Metric, why: str) -> Calibration:
    windows = [
        (span_of(each), float(each.metrics[metric.name]))
        for each in watched.profile.performance.windows
        if metric.name in each.metrics
    ]
    if why:
        nan = float("nan")
        return Calibration(metric.name, metric.larger_is_better, nan, nan, windows, why)
    mean, deviation = overall(baselines(watched.profile.performance.windows, metric.name))
    return Calibration(metric.name, metric.larger_is_better, mean, deviation, windows)
