"""A measure window by window, beside the windows that it is compared with and the limit of each.

Windows stand at even distances in their order: between calibration and service months may lie, which a true axis of
time would draw as emptiness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from kfp_lifecycle.core.chart_parts import drawing, key, rule, text, ticks
from kfp_lifecycle.core.report import format_number

_WIDTH, _HEIGHT = 900, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 96, 30, 30
_END = _WIDTH - _RIGHT
_GAP, _LABEL, _LINE = 14.0, 76.0, 13.0
# Neither side of the chart gets narrower than this share, however few windows it has.
_SIDE = 0.16
_BAND = 'fill="var(--a)" opacity=".12"'
_DASHED = ' stroke-width="2" stroke-dasharray="6 4"'


class Mark(StrEnum):
    """What a window is to its reader; each has a form of its own as well as an ink."""

    REFERENCE = "calibration"
    FINE = "not flagged"
    FLAGGED = "flagged"
    OPEN = "labels still to come"


_FORMS = {
    Mark.REFERENCE: '<rect x="{x0:.1f}" y="{y0:.1f}" width="7" height="7" fill="var(--soft)">{title}</rect>',
    Mark.FINE: '<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="var(--a)">{title}</circle>',
    Mark.OPEN: '<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="var(--page)" stroke="var(--a)" stroke-width="2">'
    "{title}</circle>",
    Mark.FLAGGED: '<path d="M{x:.1f} {up:.1f}l7 7l-7 7l-7 -7z" fill="var(--bad)">{title}</path>',
}


@dataclass(frozen=True)
class Point:
    """One window.

    Attributes:
        label: the axis's word for it, about ten letters.
        value: None where it could not be measured.
        mark: how it is drawn.
        base: what the value is compared with.
        limit: the value beyond which the window is flagged.
    """

    label: str
    value: float | None
    mark: Mark
    base: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - self.low) / (self.high - self.low) * (_HEIGHT - _BOTTOM - _TOP)


@dataclass(frozen=True)
class _Side:
    """Windows in slots of equal width."""

    points: Sequence[Point]
    left: float
    right: float

    @property
    def slot(self) -> float:
        return (self.right - self.left) / max(len(self.points), 1)

    def middle(self, place: int) -> float:
        return self.left + self.slot * (place + 0.5)


def window_chart(
    reference: Sequence[Point], points: Sequence[Point], label: str, mean: float | None = None, deviation: float = 0.0
) -> str:
    """The chart with its key; empty where there is no value at all.

    Args:
        reference: the windows that are compared with, oldest first; they stand left of a line.
        points: the windows judged, oldest first.
        label: what is drawn, for those who do not see it.
        mean: of the reference.
        deviation: of the reference, drawn as a band around its mean.
    """
    shown = [*reference, *points]
    if all(point.value is None for point in shown):
        return ""
    edges = [value for point in shown for value in (point.value, point.base, point.limit) if value is not None]
    edges += [] if mean is None else [mean - deviation, mean + deviation]
    marks = ticks(min(edges), max(edges))
    axis = _Axis(marks[0], marks[-1])
    before, after = _sides(reference, points)
    parts = [rule(_LEFT, _END, axis.y(mark), axis.y(mark)) for mark in marks]
    parts += [text(_LEFT - 7, axis.y(mark) + 4, format_number(mark), "end") for mark in marks]
    parts += _heads(before, after)
    if reference and mean is not None:
        parts += _mean(before, axis, mean, deviation)
    parts += _limits(after, axis) + _values(before, axis) + _values(after, axis)
    return drawing(parts, label, _WIDTH, _HEIGHT, lowest=700) + _key(shown, mean if reference else None)


def _sides(reference: Sequence[Point], points: Sequence[Point]) -> tuple[_Side, _Side]:
    if not reference:
        return _Side(reference, _LEFT, _LEFT), _Side(points, _LEFT, _END)
    if not points:
        return _Side(reference, _LEFT, _END), _Side(points, _END, _END)
    share = min(max(len(reference) / (len(reference) + len(points)), _SIDE), 1 - _SIDE)
    split = _LEFT + share * (_END - _LEFT)
    return _Side(reference, _LEFT, split - _GAP), _Side(points, split, _END)


def _heads(before: _Side, after: _Side) -> list[str]:
    """The names of both sides above, dates below, and a shade over the windows whose labels are still to come."""
    bottom = _HEIGHT - _BOTTOM
    parts = []
    if before.points and after.points:
        middle = after.left - _GAP / 2
        parts.append(rule(middle, middle, _TOP - 22, bottom, "var(--soft)", ' stroke-dasharray="1 3"'))
    if before.points:
        parts.append(text(before.left, _TOP - 14, "calibration", "start"))
    if after.points:
        parts.append(text(after.left, _TOP - 14, "served", "start"))
    waiting = [place for place, point in enumerate(after.points) if point.mark is Mark.OPEN]
    for place in waiting:
        x = after.left + after.slot * place
        shade = f'<rect x="{x:.1f}" y="{_TOP}" width="{after.slot:.1f}" height="{bottom - _TOP}" '
        parts.append(f'{shade}fill="var(--soft)" opacity=".13"/>')
    # Beside "served" there is room for these words only on a side that is not narrow.
    if waiting and after.right - after.left > 130:
        parts.append(text(after.right, _TOP - 14, "label lag", "end"))
    return parts + _dates(before, after)


def _dates(before: _Side, after: _Side) -> list[str]:
    """As many as do not run into each other, the newest among them."""
    parts, free = [], math.inf
    for side in (after, before):
        for place in reversed(range(len(side.points))):
            if (x := side.middle(place)) <= free:
                parts.append(text(x, _HEIGHT - _BOTTOM + 17, side.points[place].label))
                free = x - _LABEL
    return parts


def _mean(before: _Side, axis: _Axis, mean: float, deviation: float) -> list[str]:
    top, bottom = axis.y(mean + deviation), axis.y(mean - deviation)
    width = before.right - before.left
    band = f'<rect x="{before.left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{bottom - top:.1f}" {_BAND}/>'
    return [band, rule(before.left, before.right, axis.y(mean), axis.y(mean), "var(--soft)")]


def _limits(after: _Side, axis: _Axis) -> list[str]:
    """What each window is compared with and may reach, and the newest of both in figures at the right end."""
    lines = (
        ("mean", [point.base for point in after.points], "var(--soft)", ""),
        ("limit", [point.limit for point in after.points], "var(--bad)", _DASHED),
    )
    parts, newest = [], []
    for name, values, ink, look in lines:
        if path := _steps(after, axis, values):
            parts.append(f'<path d="{path}" fill="none" stroke="{ink}"{look}/>')
            newest.append((next(value for value in reversed(values) if value is not None), name, ink))
    taken = -math.inf
    for value, name, ink in sorted(newest, reverse=True):
        taken = max(axis.y(value) + 4, taken + _LINE)
        parts.append(text(_END + 6, taken, f"{name} {format_number(float(f'{value:.3g}'))}", "start", ink))
    return parts


def _steps(side: _Side, axis: _Axis, values: Sequence[float | None]) -> str:
    """A level a slot, joined where slots touch."""
    path, open_end = "", False
    for place, value in enumerate(values):
        if value is not None:
            x, y = side.left + side.slot * place, axis.y(value)
            path += f"V{y:.1f}" if open_end else f"M{x:.1f} {y:.1f}"
            path += f"H{x + side.slot:.1f}"
        open_end = value is not None
    return path


def _values(side: _Side, axis: _Axis) -> list[str]:
    parts, path, forms = [], "", []
    for place, point in enumerate(side.points):
        x = side.middle(place)
        if point.value is None:
            parts.append(text(x, _HEIGHT - _BOTTOM - 6, "–"))
            continue
        y = axis.y(point.value)
        joined = place > 0 and side.points[place - 1].value is not None
        path += f"{'L' if joined else 'M'}{x:.1f} {y:.1f}"
        forms.append(_form(point.mark, x, y, f"{point.label}: {format_number(point.value)}"))
    return [*parts, f'<path d="{path}" fill="none" stroke="var(--soft)" opacity=".6"/>' if path else "", *forms]


def _form(mark: Mark, x: float, y: float, title: str) -> str:
    words = f"<title>{escape(title)}</title>" if title else ""
    return _FORMS[mark].format(x=x, y=y, x0=x - 3.5, y0=y - 3.5, up=y - 7, title=words)


def _key(shown: Sequence[Point], mean: float | None) -> str:
    drawn = {point.mark for point in shown if point.value is not None}
    entries = [(_form(mark, 11, 6, ""), str(mark)) for mark in Mark if mark in drawn]
    if any(point.value is None for point in shown):
        entries.append((text(11, 10, "–"), "no value"))
    if any(point.limit is not None for point in shown):
        entries.append((rule(0, 22, 6, 6, "var(--bad)", _DASHED), "limit of the window"))
    if mean is not None:
        entries.append((f'<rect x="0" y="1" width="22" height="10" {_BAND}/>', "mean of calibration ± 1 sd"))
    return key(entries)
