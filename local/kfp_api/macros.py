"""The macros in the parameters of recurring runs: ``[[ScheduledTime]]`` and its family.

As KFP expands them (``backend/src/common/util/parameter_formatter.go``); a format is a layout of Go's ``time`` package.
In runs that no schedule started they stay as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_MACRO = re.compile(r"\[\[(.*?)\]\]")
_DEFAULT = "20060102150405"
# What Go's layouts know, in the order in which Go tries them at each place.
_LAYOUT = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|__2|_2006|_2|2|3|4|5|PM|pm"
    r"|-07:00:00|-070000|-07:00|-0700|-07|Z07:00:00|Z070000|Z07:00|Z0700|Z07|[.,](?:0+|9+)(?!\d)"
)


@dataclass(frozen=True)
class Firing:
    """One firing of a recurring run; times in Unix seconds, ``index`` from 1."""

    run_id: str
    scheduled: float
    now: float
    index: int


def expanded(value: Any, firing: Firing) -> Any:
    """The parameters with macros filled in, in lists and objects too.

    >>> expanded({"as_of": "[[ScheduledTime.2006-01-02]]"}, Firing("", 86400, 0, 1))
    {'as_of': '1970-01-02'}
    """
    if isinstance(value, str):
        return _MACRO.sub(lambda match: _text(match, firing), value)
    if isinstance(value, list):
        return [expanded(item, firing) for item in value]
    if isinstance(value, dict):
        return {key: expanded(item, firing) for key, item in value.items()}
    return value


def _text(match: re.Match[str], firing: Firing) -> str:
    name, separator, layout = match[1].partition(".")
    if name == "ScheduledTime":
        return formatted(firing.scheduled, layout if separator else _DEFAULT)
    if name == "CurrentTime":
        return formatted(firing.now, layout if separator else _DEFAULT)
    return {"RunUUID": firing.run_id, "Index": str(firing.index)}.get(match[1], match[0])


def formatted(seconds: float, layout: str) -> str:
    """A moment in UTC, to the second, as Go's ``Time.Format`` writes it by this layout."""
    moment = datetime.fromtimestamp(int(seconds), UTC)
    return _LAYOUT.sub(lambda match: _element(match[0], moment), layout)


def _element(name: str, moment: datetime) -> str:
    if name[0] in ".,":
        # A slot is a whole second; Go leaves out a fraction of nines that is zero.
        return name if name[1] == "0" else ""
    if name[0] == "-":
        return "+" + name[1:].replace("7", "0")
    if name[0] == "Z":
        return "Z"
    if name == "_2006":
        return f"_{moment.year:04}"
    hour = moment.hour % 12 or 12
    year_day = moment.timetuple().tm_yday
    elements = {
        "January": f"{moment:%B}",
        "Jan": f"{moment:%b}",
        "Monday": f"{moment:%A}",
        "Mon": f"{moment:%a}",
        "MST": "UTC",
        "2006": f"{moment.year:04}",
        "06": f"{moment.year % 100:02}",
        "01": f"{moment.month:02}",
        "1": str(moment.month),
        "02": f"{moment.day:02}",
        "_2": f"{moment.day:2}",
        "2": str(moment.day),
        "002": f"{year_day:03}",
        "__2": f"{year_day:3}",
        "15": f"{moment.hour:02}",
        "03": f"{hour:02}",
        "3": str(hour),
        "04": f"{moment.minute:02}",
        "4": str(moment.minute),
        "05": f"{moment.second:02}",
        "5": str(moment.second),
        "PM": f"{'PM' if moment.hour >= 12 else 'AM'}",
        "pm": f"{'pm' if moment.hour >= 12 else 'am'}",
    }
    return elements[name]
