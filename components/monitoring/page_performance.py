"""How well the model did, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

from kfp_lifecycle.components.monitoring.findings import Calibration, Findings, WindowPerformance
from kfp_lifecycle.components.monitoring.page_words import (
    NONE,
    day,
    finite,
    limit,
    number,
    percent,
    probability,
    span,
    whole_days,
)
from kfp_lifecycle.core.decision import Decision
from kfp_lifecycle.core.report import Section, format_number, paragraph, table
from kfp_lifecycle.core.window_chart import Level, Mark, Point, window_chart

# The newest; the decision looks at fewer.
_SHOWN = 60


def performance_section(findings: Findings, decision: Decision) -> Section:
    """The chart, the rule in words, and the figures."""
    windows = findings.performance[-_SHOWN:]
    html = ""
    if not any(window.labelled for window in windows):
        html += paragraph("No row has a label, so nothing is known of how well the model did.")
    html += _chart(windows, findings.calibration, decision)
    if findings.calibration and findings.calibration.note:
        html += paragraph(f"Calibration: {findings.calibration.note}")
    if windows:
        html += _figures(windows)
    return Section("Performance", html)


def _chart(windows: Sequence[WindowPerformance], calibration: Calibration | None, decision: Decision) -> str:
    drop, p_limit = limit(decision.inputs, "drop"), limit(decision.inputs, "p_limit")
    # The whisker reaches the mean exactly where p is above its limit, so that the picture shows both conditions.
    errors = NormalDist().inv_cdf(1 - p_limit) if p_limit and 0 < p_limit < 0.5 else 0.0
    before = calibration.windows if calibration else ()
    dates = whole_days([window.window for window in windows] + [window for window, _ in before])
    chart = window_chart(
        [Point(day(window, dates), finite(value), Mark.REFERENCE) for window, value in before],
        [
            Point(day(one.window, dates), finite(one.value), _mark(one), errors * (finite(one.error) or 0.0))
            for one in windows
        ],
        _levels(calibration, drop),
        f"{calibration.metric if calibration else 'performance'} by window",
        f"{errors:.2f} standard errors of the difference; p < {number(p_limit)} where they do not reach the mean",
    )
    if not chart or not calibration:
        return chart
    better = "higher is better" if calibration.larger_is_better else "lower is better"
    words = f"{calibration.metric} of each window by the time of its events; {better}. Dates are first days. "
    words += "The model had not seen the calibration windows. "
    if drop is not None and errors:
        words += (
            f"A window is flagged when it is worse than their mean by more than {format_number(drop)} with a"
            f" one-sided p below {number(p_limit)}. "
        )
    if lag := decision.inputs.get("label_lag"):
        words += f"Labels are waited for {lag} after a window's end; until then it does not count."
    return f"<div>{chart}</div>" + paragraph(words.strip())


def _mark(window: WindowPerformance) -> Mark:
    if not window.complete:
        return Mark.OPEN
    return Mark.FLAGGED if window.flagged else Mark.FINE


def _levels(calibration: Calibration | None, drop: float | None) -> list[Level]:
    if calibration is None or finite(calibration.mean) is None:
        return []
    deviation = finite(calibration.deviation) or 0.0
    levels = [Level("mean", calibration.mean, band=deviation, band_name="calibration mean ± 1 sd")]
    if drop is not None:
        sign = -1 if calibration.larger_is_better else 1
        levels.append(Level("limit", calibration.mean + sign * drop, limit=True))
    return levels


def _figures(windows: Sequence[WindowPerformance]) -> str:
    rows = [
        [
            span(one.window),
            one.rows,
            one.labelled,
            percent(one.labelled / one.rows) if one.rows else NONE,
            number(one.value),
            number(one.drop),
            number(one.error),
            probability(one.p_value),
            _verdict(one),
        ]
        for one in reversed(windows)
    ]
    headers = ["window", "rows", "labelled", "share", "value", "worse by", "error", "p", ""]
    return f'<div class="dense">{table(headers, rows, right=range(1, 8))}</div>\n'


def _verdict(window: WindowPerformance) -> str:
    words = ["flagged"] if window.flagged else []
    words += [] if window.complete else ["not complete"]
    words += [window.note] if window.note else []
    return ", ".join(words) or "within the limits"
