"""How well the model did, window by window."""

from __future__ import annotations

from collections.abc import Sequence

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
from kfp_lifecycle.core.window_chart import Mark, Point, window_chart

# The newest; the decision looks at fewer.
_SHOWN = 60


def performance_section(findings: Findings, decision: Decision) -> Section:
    """The chart, the rule in words, and the figures."""
    windows = findings.performance[-_SHOWN:]
    html = ""
    if not any(window.labelled for window in windows):
        html += paragraph("No row has a label, so nothing is known of how well the model did.")
    if any(finite(window.value) is not None for window in windows):
        html += _chart(windows, findings.calibration, decision)
    if findings.calibration and findings.calibration.note:
        html += paragraph(f"Calibration: {findings.calibration.note}")
    if windows:
        html += _figures(windows)
    return Section("Performance", html)


def _chart(windows: Sequence[WindowPerformance], calibration: Calibration | None, decision: Decision) -> str:
    before = calibration.windows if calibration else ()
    dates = whole_days([window.window for window in windows] + [window for window, _ in before])
    sign = -1 if calibration and calibration.larger_is_better else 1
    chart = window_chart(
        [Point(day(window, dates), finite(value), Mark.REFERENCE) for window, value in before],
        [_point(one, day(one.window, dates), sign) for one in windows],
        f"{calibration.metric if calibration else 'performance'} by window",
        finite(calibration.mean) if calibration else None,
        (finite(calibration.deviation) or 0.0) if calibration else 0.0,
    )
    return chart + paragraph(_words(calibration, decision)) if calibration else chart


def _words(calibration: Calibration, decision: Decision) -> str:
    drop, p_limit = limit(decision.inputs, "drop"), limit(decision.inputs, "p_limit")
    better = "higher is better" if calibration.larger_is_better else "lower is better"
    words = f"{calibration.metric} of each window by the time of its events; {better}. Dates are first days. "
    words += "The model had not seen the calibration windows. "
    if drop is not None and p_limit is not None:
        words += (
            f"A window is flagged when it is worse than the mean of those that begin on its weekday by more than"
            f" {format_number(drop)} and one-sided p is below {number(p_limit)}; its limit is where both hold. "
        )
    if (lag := str(decision.inputs.get("label_lag", ""))) not in ("", "P0D"):
        words += f"Labels are waited for {lag} after a window's end; until then it does not count."
    return words.strip()


def _point(window: WindowPerformance, label: str, sign: int) -> Point:
    value, drop, most = finite(window.value), finite(window.drop), finite(window.limit)
    base = None if value is None or drop is None else value - sign * drop
    mark = Mark.OPEN if not window.complete else Mark.FLAGGED if window.flagged else Mark.FINE
    return Point(label, value, mark, base, None if base is None or most is None else base + sign * most)


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
            number(one.limit),
            probability(one.p_value),
            _verdict(one),
        ]
        for one in reversed(windows)
    ]
    headers = ["window", "rows", "labelled", "share", "value", "worse by", "error", "allowed", "p", ""]
    return f'<div class="dense">{table(headers, rows, right=range(1, 9))}</div>\n'


def _verdict(window: WindowPerformance) -> str:
    words = ["flagged"] if window.flagged else []
    words += [] if window.complete else ["not complete"]
    words += [window.note] if window.note else []
    return ", ".join(words) or "not flagged"
