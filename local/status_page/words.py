"""States, times, sizes and values as a reader wants them. Pure."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from kfp_lifecycle.local.kfp_api import states

_SHOWN = 300
# The module before an error's name.
_MODULE = re.compile(r"^(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_]\w*:)")
# A word and a kind for each state; the kind chooses colour and sign, so that neither is needed to read the other.
_STATES = {
    states.PENDING: ("waiting", "wait"),
    states.RUNNING: ("running", "busy"),
    states.SUCCEEDED: ("succeeded", "good"),
    states.SKIPPED: ("cached", "good"),
    states.FAILED: ("failed", "bad"),
    states.CANCELING: ("stopping", "busy"),
    states.CANCELED: ("stopped", "off"),
}


def state_word(state: str) -> str:
    """The word for a RuntimeState, or for a word of somebody else's."""
    return _STATES.get(state, (state or "unknown", ""))[0]


def state_kind(state: str) -> str:
    """One of good, bad, busy, wait, off."""
    return _STATES.get(state, ("", "off"))[1]


def moment(seconds: float | None) -> str:
    """A moment in UTC, to the second."""
    if seconds is None:
        return "–"
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "–"


def iso(seconds: float) -> str:
    """A moment for a machine."""
    return moment(seconds).removesuffix(" UTC").replace(" ", "T") + "Z"


def duration(seconds: float | None) -> str:
    """A length of time in at most two units.

    >>> duration(3725), duration(4.21)
    ('1 h 2 min', '4.2 s')
    """
    if seconds is None or seconds < 0:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            rest = int(seconds % size) // part
            return f"{int(seconds // size)} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds:.0f} s"


def rough_duration(seconds: float) -> str:
    """A length of time in the largest unit that fits.

    >>> rough_duration(3725)
    '1 h'
    """
    return " ".join(duration(seconds).split()[:2])


def distance(seconds: float, now: float) -> str:
    """How far a moment is from now.

    >>> distance(100, 160), distance(160, 100)
    ('1 min ago', 'in 1 min')
    """
    if abs(seconds - now) < 1:
        return "now"
    return f"in {duration(seconds - now)}" if seconds > now else f"{duration(now - seconds)} ago"


def size(count: int) -> str:
    """A number of bytes."""
    if count < 1024:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        value /= 1024
        if value < 1024:
            return f"{value:.1f} {unit}"
    return f"{value / 1024:.1f} TiB"


def shown(value: Any, most: int = _SHOWN) -> str:
    """A JSON value as text, text itself without quotes; cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def reason(error: str) -> str:
    """What an error says in one line: the end of its traceback.

    >>> reason("train failed:\\nTraceback ...\\nValueError: no\\nfull log: train.log")
    'ValueError: no'
    """
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("full log: ")]
    return _MODULE.sub("", telling[-1]) if telling else ""


def cut(text: str, most: int) -> str:
    """Text of bounded length."""
    return text if len(text) <= most else f"{text[:most]}…"
