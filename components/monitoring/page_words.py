"""Figures of a monitor's report in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.core.report import format_number
from kfp_lifecycle.core.window import Window, format_time

NONE = "–"


def finite(value: float | None) -> float | None:
    """The value, or None where it says nothing."""
    return value if value is not None and math.isfinite(value) else None


def limit(inputs: Mapping[str, Any], name: str) -> float | None:
    """A limit that the decision was made with; None where it was not given."""
    value = inputs.get(name)
    return finite(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None


def number(value: float | None) -> str:
    """A figure of three digits that mean something."""
    value = finite(value)
    if value is None:
        return NONE
    return format_number(float(f"{value:.3g}") if abs(value) < 1000 else value)


def probability(value: float | None) -> str:
    """A p-value: three places, and its power of ten below."""
    value = finite(value)
    if value is None:
        return NONE
    if value < 1e-300:
        return "< 1e-300"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"


def percent(share: float | None) -> str:
    """A share; one that is not none at all is never written as none."""
    share = finite(share)
    if share is None:
        return NONE
    return f"{share:.0%}" if share in (0.0, 1.0) else "< 0.1%" if 0 < share < 0.001 else f"{share:.1%}"


def day(window: Window, whole_days: bool) -> str:
    """The word for a window below an axis."""
    return f"{window.start:%Y-%m-%d}" if whole_days else f"{window.start:%m-%d %H:%M}"


def whole_days(windows: list[Window]) -> bool:
    """Whether all windows begin at midnight, so that a date says it all."""
    return all((w.start.hour, w.start.minute, w.start.second) == (0, 0, 0) for w in windows)


def span(window: Window) -> str:
    """Start and end as the project writes windows; midnights as dates."""
    return "/".join(format_time(end).removesuffix("T00:00:00Z") for end in (window.start, window.end))
