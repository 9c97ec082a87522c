"""Moments: Unix seconds here, RFC 3339 on the wire."""

from __future__ import annotations

import math
from datetime import UTC, datetime


def rendered(moment: float | None) -> str | None:
    """RFC 3339 in UTC with milliseconds; None stays None."""
    if moment is None:
        return None
    # Rounded as the database compares: isoformat alone would cut off.
    return datetime.fromtimestamp(round(moment, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parsed(text: str) -> float:
    """Unix seconds of an RFC 3339 text.

    Raises:
        ValueError: it is none, or names no time zone.
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None or "T" not in text.upper():
        raise ValueError(f"{text!r} is no RFC 3339 time with a time zone")
    seconds = found.timestamp()
    if not math.isfinite(seconds):
        raise ValueError(text)
    return seconds
