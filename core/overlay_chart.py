"""A column's distribution now over the one of its reference, drawn from two sketches; small, to stand side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.core.chart_parts import drawing, key, rule, short, text, ticks
from kfp_lifecycle.core.report import format_number
from kfp_lifecycle.core.sketches import CategorySketch, NumberSketch, Sketch

if TYPE_CHECKING:
    import numpy.typing as npt

STYLE = """
.overlays { display: grid; grid-template-columns: repeat(auto-fill, minmax(16.5rem, 1fr)); gap: 1.4rem 1.6rem; }
.overlays figure { margin: .6rem 0 0; min-width: 0; } .overlays svg { display: block; width: 100%; }
.overlays figcaption { line-height: 1.35; margin-bottom: .3rem; overflow-wrap: anywhere; }
.overlays b { color: var(--ink); font-size: .95rem; }
"""

_WIDTH, _HEIGHT = 300, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 10, 8, 22
_BINS, _VALUES = 30, 40
# Values beyond these ranks of either side are not drawn: one outlier would squeeze all others into one bar.
_TAIL = 0.005
_CATEGORIES = 7
_NAMES, _NUMBERS = 92, 80
_REFERENCE = 'fill="var(--soft)" opacity=".35"'
_NOW = "var(--b)"


def overlay_key() -> str:
    """What the two inks mean."""
    return key(
        [
            (f'<rect x="2" y="1" width="18" height="11" {_REFERENCE}/>', "reference"),
            (rule(1, 21, 6, 6, _NOW, ' stroke-width="3"'), "this window"),
        ]
    )


def overlay(name: str, note: str, reference: Sketch, current: Sketch) -> str:
    """One drawing under its name and a line of figures; a sentence where the two sides cannot be drawn together."""
    why, parts = "", []
    if isinstance(reference, NumberSketch) and isinstance(current, NumberSketch):
        sides = _finite(reference.quantiles), _finite(current.quantiles)
        why = _undrawable(*sides)
        parts = [] if why else _histograms(*sides)
    elif isinstance(reference, CategorySketch) and isinstance(current, CategorySketch):
        shares = _shares(reference), _shares(current)
        why = "" if all(shares) else "No values on one of the sides."
        parts = [] if why else _bars(*shares)
    else:
        why = "Numbers on one side, categories on the other."
    shown = f"<p>{why}</p>" if why else drawing(parts, f"{short(name)}: reference and this window", _WIDTH, _HEIGHT)
    return f"<figure><figcaption><b>{escape(short(name))}</b><br>{escape(note)}</figcaption>{shown}</figure>\n"


def _finite(quantiles: Sequence[float]) -> npt.NDArray[np.float64]:
    return np.array([value for value in quantiles if math.isfinite(value)], np.float64)


def _undrawable(reference: npt.NDArray[np.float64], current: npt.NDArray[np.float64]) -> str:
    if not len(reference) or not len(current):
        return "No values on one of the sides."
    span = float(max(reference[-1], current[-1])) - float(min(reference[0], current[0]))
    return "" if math.isfinite(2 * span) else "The values lie too far apart to be drawn."


def _edges(values: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    """Borders of the bars: around each value where whole numbers are few, else equally wide."""
    if low == high:
        half = abs(low) * 0.05 or 0.5
        return np.array([low - half, low + half])
    if np.all(values == np.round(values)) and max(abs(low), abs(high)) < 1e12:
        step = 1 if high - low < _VALUES else math.ceil((high - low + 1) / _BINS)
        return np.arange(low - 0.5, high + 0.5 + step, step)
    return np.linspace(low, high, _BINS + 1)


def _histograms(reference: npt.NDArray[np.float64], current: npt.NDArray[np.float64]) -> list[str]:
    ends = [np.quantile(side, [_TAIL, 1 - _TAIL], method="nearest") for side in (reference, current)]
    low, high = float(min(ends[0][0], ends[1][0])), float(max(ends[0][1], ends[1][1]))
    edges = _edges(np.concatenate([reference, current]), low, high)
    shares = [np.histogram(side, edges)[0] / len(side) for side in (reference, current)]
    marks = ticks(0.0, 100 * float(max(side.max() for side in shares)), 3)
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    across = _LEFT + (edges - edges[0]) / (edges[-1] - edges[0]) * (right - _LEFT)
    height = (bottom - _TOP) / marks[-1]
    parts = []
    for mark in marks:
        y = bottom - mark * height
        parts.append(rule(_LEFT, right, y, y))
        parts.append(text(_LEFT - 5, y + 4, f"{format_number(mark)}%", "end"))
    looks = (_REFERENCE, f'fill="none" stroke="{_NOW}" stroke-width="2" stroke-linejoin="round"')
    for side, look in zip(shares, looks, strict=True):
        steps = "".join(
            f"V{bottom - 100 * share * height:.1f}H{x:.1f}" for share, x in zip(side, across[1:], strict=True)
        )
        parts.append(f'<path d="M{_LEFT} {bottom}{steps}V{bottom}" {look}/>')
    return parts + _below(low, high, float(edges[0]), float(edges[-1]))


def _below(low: float, high: float, first: float, last: float) -> list[str]:
    """Marks of the lower axis, as many as do not run into each other."""
    parts: list[str] = []
    free = 0.0
    for mark in [low] if low == high else ticks(low, high, 4):
        words = format_number(mark)
        half = 3.2 * len(words)
        x = min(_LEFT + (mark - first) / (last - first) * (_WIDTH - _RIGHT - _LEFT), _WIDTH - half)
        if first <= mark <= last and x - half >= free:
            parts.append(text(x, _HEIGHT - 6, words))
            free = x + half + 8
    return parts


def _shares(sketch: CategorySketch) -> dict[str, float]:
    present = sum(sketch.counts.values()) + sketch.other
    return {name: count / present for name, count in sketch.counts.items()} if present else {}


def _bars(reference: Mapping[str, float], current: Mapping[str, float]) -> list[str]:
    """Two bars a category, the largest first; what is left over stands last."""
    sides = (reference, current)
    names = sorted({*reference, *current}, key=lambda name: (-max(side.get(name, 0.0) for side in sides), name))
    shown = names[:_CATEGORIES] if len(names) > _CATEGORIES + 1 else names
    rows = [(short(name, 14), [side.get(name, 0.0) for side in sides]) for name in shown]
    rest = [max(1.0 - sum(side.get(name, 0.0) for name in shown), 0.0) for side in sides]
    if max(rest) > 1e-9:
        rows.append(("all others", rest))
    longest = max(share for _, shares in rows for share in shares)
    slot = (_HEIGHT - 2 * _TOP) / len(rows)
    thick = min(slot * 0.42, 14.0)
    parts = []
    for i, (name, shares) in enumerate(rows):
        middle = _TOP + slot * (i + 0.5)
        parts.append(text(_NAMES - 6, middle + 4, name, "end", "var(--ink)"))
        for share, top, look in zip(shares, (middle - thick, middle), (_REFERENCE, f'fill="{_NOW}"'), strict=True):
            width = share / longest * (_WIDTH - _NAMES - _NUMBERS)
            parts.append(f'<rect x="{_NAMES}" y="{top:.1f}" width="{width:.1f}" height="{thick:.1f}" {look}/>')
        figures = " → ".join(f"{100 * share:.{0 if share >= 0.0995 else 1}f}" for share in shares) + "%"
        parts.append(text(_WIDTH, middle + 4, figures, "end"))
    return parts
