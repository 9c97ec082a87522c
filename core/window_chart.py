"""A measure window by window, beside the windows that it is compared with and the limit that it must keep.

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
_GAP, _LABEL, _LINE = 14.0, 76.0, 13.0
# Neither side of the chart gets narrower than this, however few windows it has.
_SIDE = 0.16


class Mark(StrEnum):
    """What a window is to its reader; each has a form of its own as well as an ink."""

    REFERENCE = "calibration window"
    FINE = "within the limits"
    FLAGGED = "flagged"
    OPEN = "not complete: labels still to come"


_BAND = 'fill="var(--a)" opacity=".12"'
_FORMS = {
    Mark.REFERENCE: '<rect x="{x0:.1f}" y="{y0:.1f}" width="7" height="7" fill="var(--soft)">{title}</rect>',
    Mark.FINE: '<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="var(--a)">{title}</circle>',
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
        reach: half the length of its whisker.
    """

    label: str
    value: float | None
    mark: Mark
    reach: float = 0.0


@dataclass(frozen=True)
class Level:
    """A level line: its name at the right end, and how far the band around it reaches and what it is called."""

    name: str
    value: float
    limit: bool = False
    band: float = 0.0
    band_name: str = ""


def window_chart(
    reference: Sequence[Point], points: Sequence[Point], levels: Sequence[Level], label: str, whisker: str = ""
) -> str:
    """The chart with its key; empty where there is no value at all.

    Args:
        reference: the windows that are compared with, oldest first; they stand left of a line.
        points: the windows judged, oldest first.
        levels: at most a few.
        label: what is drawn, for those who do not see it.
        whisker: what the whiskers mean.
    """
    found = [(point.value, point.reach) for point in [*reference, *points] if point.value is not None]
    if not found:
        return ""
    edges = [value + sign * reach for value, reach in found for sign in (-1, 1)]
    edges += [level.value + sign * level.band for level in levels for sign in (-1, 1)]
    marks = ticks(min(edges), max(edges))
    axis = _Axis(marks[0], marks[-1])
    parts = [rule(_LEFT, _WIDTH - _RIGHT, axis.y(mark), axis.y(mark)) for mark in marks]
    parts += [text(_LEFT - 7, axis.y(mark) + 4, format_number(mark), "end") for mark in marks]
    split = _split(len(reference), len(points))
    left, right = _places(len(reference), _LEFT, split - _GAP), _places(len(points), split, _WIDTH - _RIGHT)
    parts += _bands(left, right, reference, points, split)
    parts += _levels(levels, axis)
    parts += _values(left, reference, axis) + _values(right, points, axis)
    drawn = {point.mark for point in [*reference, *points] if point.value is not None}
    entries = [(_form(mark, 11, 6, ""), mark.value) for mark in Mark if mark in drawn]
    if any(point.value is None for point in points):
        entries.append((text(11, 9, "–"), "no value"))
    if any(reach for _, reach in found):
        entries.append((rule(11, 11, 0, 12, "var(--ink)"), whisker))
    entries += [
        (f'<rect x="2" y="1" width="18" height="10" {_BAND}/>', level.band_name) for level in levels if level.band
    ]
    return drawing(parts, label, _WIDTH, _HEIGHT, lowest=700) + key(entries)


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - self.low) / (self.high - self.low) * (_HEIGHT - _BOTTOM - _TOP)


def _split(reference: int, points: int) -> float:
    """Where the judged windows begin."""
    if not reference:
        return _LEFT
    if not points:
        return _WIDTH - _RIGHT + _GAP
    share = min(max(reference / (reference + points), _SIDE), 1 - _SIDE)
    return _LEFT + share * (_WIDTH - _RIGHT - _LEFT)


def _places(count: int, left: float, right: float) -> list[float]:
    """The middles of so many slots."""
    return [left + (right - left) * (i + 0.5) / count for i in range(count)]


def _bands(
    left: Sequence[float], right: Sequence[float], reference: Sequence[Point], points: Sequence[Point], split: float
) -> list[str]:
    """Dates below, the names of both sides above, and a shade over the windows whose labels are still to come."""
    parts = []
    bottom = _HEIGHT - _BOTTOM
    if reference and points:
        parts.append(
            rule(split - _GAP / 2, split - _GAP / 2, _TOP - 22, bottom, "var(--soft)", ' stroke-dasharray="1 3"')
        )
    if reference:
        parts.append(text(_LEFT, _TOP - 14, "calibration", "start"))
    if points:
        parts.append(text(split, _TOP - 14, "served", "start"))
        half = (right[0] - split) if right else 0.0
        for x, point in zip(right, points, strict=True):
            if point.mark is Mark.OPEN:
                parts.append(
                    f'<rect x="{x - half:.1f}" y="{_TOP}" width="{2 * half:.1f}" height="{bottom - _TOP}" '
                    'fill="var(--soft)" opacity=".13"/>'
                )
        waiting = sum(point.mark is Mark.OPEN for point in points)
        if waiting and _WIDTH - _RIGHT - split > 150:
            parts.append(text(_WIDTH - _RIGHT, _TOP - 14, "label lag", "end"))
    for places, side in ((left, reference), (right, points)):
        parts += _dates(places, side)
    return parts


def _dates(places: Sequence[float], side: Sequence[Point]) -> list[str]:
    """As many as fit, counted from the newest."""
    if not side:
        return []
    slot = places[1] - places[0] if len(places) > 1 else math.inf
    every = max(math.ceil(_LABEL / slot), 1)
    return [text(places[i], _HEIGHT - _BOTTOM + 17, side[i].label) for i in range(len(side) - 1, -1, -every)]


def _levels(levels: Sequence[Level], axis: _Axis) -> list[str]:
    parts, taken = [], -math.inf
    for level in sorted(levels, key=lambda level: -level.value):
        y = axis.y(level.value)
        if level.band:
            top, bottom = axis.y(level.value + level.band), axis.y(level.value - level.band)
            parts.append(
                f'<rect x="{_LEFT}" y="{top:.1f}" width="{_WIDTH - _RIGHT - _LEFT}" height="{bottom - top:.1f}" '
                f"{_BAND}/>"
            )
        ink, dash = ("var(--bad)", ' stroke-width="1.5" stroke-dasharray="6 4"') if level.limit else ("var(--soft)", "")
        parts.append(rule(_LEFT, _WIDTH - _RIGHT, y, y, ink, dash))
        taken = max(y + 4, taken + _LINE)
        parts.append(text(_WIDTH - _RIGHT + 6, taken, f"{level.name} {format_number(level.value)}", "start", ink))
    return parts


def _values(places: Sequence[float], points: Sequence[Point], axis: _Axis) -> list[str]:
    at = [(x, axis.y(point.value), point) for x, point in zip(places, points, strict=True) if point.value is not None]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in at)
    parts = [f'<polyline points="{path}" fill="none" stroke="var(--soft)" opacity=".6"/>'] if len(at) > 1 else []
    for x, point in zip(places, points, strict=True):
        if point.value is None:
            parts.append(text(x, _HEIGHT - _BOTTOM - 6, "–"))
        elif point.reach:
            y1, y2 = axis.y(point.value - point.reach), axis.y(point.value + point.reach)
            parts.append(rule(x, x, y1, y2, "var(--ink)"))
    return parts + [_form(point.mark, x, y, f"{point.label}: {format_number(point.value)}") for x, y, point in at]


def _form(mark: Mark, x: float, y: float, title: str) -> str:
    words = f"<title>{escape(title)}</title>" if title else ""
    return _FORMS[mark].format(x=x, y=y, x0=x - 3.5, y0=y - 3.5, up=y - 7, title=words)
