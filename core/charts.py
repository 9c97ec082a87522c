"""Charts as inline SVG: a few kilobytes, no scripts, readable without colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from kfp_lifecycle.core.chart_parts import figure, rule, text, ticks
from kfp_lifecycle.core.report import format_number

_WIDTH, _HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 28, 34
_INKS = ("var(--a)", "var(--b)", "var(--c)", "var(--d)")
_DASHES = ("", "6 3", "2 3", "8 3 2 3")


def _axis_y(values: Sequence[float]) -> tuple[list[str], float, float]:
    marks = ticks(min(values), max(values))
    low, high = marks[0], marks[-1]
    parts = []
    for mark in marks:
        y = _y(mark, low, high)
        parts.append(rule(_LEFT, _WIDTH - _RIGHT, y, y))
        parts.append(text(_LEFT - 6, y + 4, format_number(mark), "end"))
    return parts, low, high


def _y(value: float, low: float, high: float) -> float:
    return _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)


def line_chart(series: Mapping[str, Sequence[tuple[float, float]]], caption: str, x_label: str = "") -> str:
    """Lines over a numeric axis; each has its own dash as well as its own ink."""
    points = [point for line in series.values() for point in line]
    if not points:
        return f"<p>{escape(caption)}: nothing to draw.</p>\n"
    parts, low, high = _axis_y([y for _, y in points])
    marks = ticks(min(x for x, _ in points), max(x for x, _ in points))
    left, right = marks[0], marks[-1]

    def at(value: float) -> float:
        return _LEFT + (value - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT)

    parts += [text(at(mark), _HEIGHT - _BOTTOM + 16, format_number(mark)) for mark in marks]
    if x_label:
        parts.append(text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 4, x_label))
    for i, (name, line) in enumerate(series.items()):
        ink, dash = _INKS[i % len(_INKS)], _DASHES[i % len(_DASHES)]
        path = " ".join(f"{at(x):.1f},{_y(y, low, high):.1f}" for x, y in line)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
        key = _LEFT + 10 + i * 150
        parts.append(
            f'<line x1="{key}" x2="{key + 22}" y1="8" y2="8" stroke="{ink}" '
            f'stroke-width="2" stroke-dasharray="{dash}"/>' + text(key + 28, 12, name, "start")
        )
    return figure(parts, caption, _WIDTH, _HEIGHT)


def bar_chart(
    values: Mapping[str, float], caption: str, intervals: Mapping[str, tuple[float, float]] | None = None
) -> str:
    """Bars from zero with their value above; ``intervals`` adds a whisker to the bars that have one."""
    if not values:
        return f"<p>{escape(caption)}: nothing to draw.</p>\n"
    intervals = intervals or {}
    parts, low, high = _axis_y([0.0, *values.values(), *(end for pair in intervals.values() for end in pair)])
    slot = (_WIDTH - _LEFT - _RIGHT) / len(values)
    for i, (name, value) in enumerate(values.items()):
        middle = _LEFT + slot * (i + 0.5)
        top, bottom = sorted((_y(value, low, high), _y(0.0, low, high)))
        width = min(slot * 0.6, 90)
        parts.append(
            f'<rect x="{middle - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{max(bottom - top, 0.5):.1f}" fill="{_INKS[i % len(_INKS)]}"/>'
        )
        label_y = top - 4
        if name in intervals:
            ends = [_y(end, low, high) for end in intervals[name]]
            parts.append(
                f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{ends[0]:.1f}" y2="{ends[1]:.1f}" stroke="var(--ink)" '
                'stroke-width="2"/>'
            )
            label_y = min(*ends, top) - 4
        parts.append(text(middle, label_y, format_number(value)))
        parts.append(text(middle, _HEIGHT - _BOTTOM + 16, name))
    return figure(parts, caption, _WIDTH, _HEIGHT)
