"""The trigger of a recurring run in words. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.local.kfp_api.slots import parse_trigger
from kfp_lifecycle.local.status_page.words import duration, moment

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ABBREVIATED = {name[:3].upper(): number for number, name in enumerate(_DAYS[:7])}
_UNITS = {86400: "day", 3600: "hour", 60: "minute", 1: "second"}


def in_words(trigger: Mapping[str, Any]) -> str:
    """When it fires, for a reader who knows no cron.

    >>> in_words({"cron_schedule": {"cron": "0 30 3 * * 1-5"}})
    'every Monday to Friday at 03:30 UTC'
    >>> in_words({"periodic_schedule": {"interval_second": 900}})
    'every 15 min'
    """
    try:
        known = parse_trigger(trigger)
    except (ValueError, TypeError, KeyError) as error:
        return f"cannot be read: {error}"
    text = _cron(known.cron) if known.cron else _interval(known.interval)
    if known.start is not None:
        text += f", from {moment(known.start)}"
    if not math.isinf(known.end):
        text += f", until {moment(known.end)}"
    return text


def _interval(seconds: int) -> str:
    if seconds in _UNITS:
        return f"every {_UNITS[seconds]}"
    return f"every {_each(seconds, 'second') if seconds < 60 else duration(seconds)}"


def _cron(cron: str) -> str:
    found = _known(cron.replace("?", "*").split())
    return f"every {found}" if found else f"by cron {cron} (UTC; seconds first)"


def _known(fields: list[str]) -> str:
    """What follows "every", empty for a cron text that has no short form in words."""
    if len(fields) != 6:
        return ""
    second, minute, hour, day, month, weekday = fields
    if month != "*" or (day != "*" and weekday != "*"):
        return ""
    whole_day = day == weekday == "*"
    match fields[:3]:
        case [_, "*", "*"] if whole_day and (second == "*" or _step(second)):
            return _each(_step(second) or 1, "second")
        case ["0", _, "*"] if whole_day and (minute == "*" or _step(minute)):
            return _each(_step(minute) or 1, "minute")
        case ["0", "0", _] if whole_day and (hour == "*" or _step(hour)):
            return _each(_step(hour) or 1, "hour")
        case ["0", _, "*"] if whole_day and minute.isdigit():
            return f"hour at minute {int(minute)}"
    if not (second.isdigit() and minute.isdigit() and hour.isdigit()):
        return ""
    clock = f"{int(hour):02d}:{int(minute):02d}" + (f":{int(second):02d}" if int(second) else "") + " UTC"
    if whole_day:
        return f"day at {clock}"
    if day.isdigit():
        return f"month on day {int(day)} at {clock}"
    days = _weekdays(weekday)
    return f"{days} at {clock}" if days else ""


def _step(field: str) -> int:
    """The N of ``*/N``, 0 for another field."""
    number = field.removeprefix("*/").removeprefix("0/")
    return int(number) if number != field and number.isdigit() else 0


def _each(count: int, unit: str) -> str:
    return unit if count == 1 else f"{count} {unit}s"


def _weekdays(field: str) -> str:
    words = []
    for part in field.split(","):
        first, dash, last = (_weekday(part.partition("-")[0]), "-" in part, _weekday(part.rpartition("-")[2]))
        if not first or not last:
            return ""
        words.append(f"{first} to {last}" if dash else first)
    return ", ".join(words)


def _weekday(text: str) -> str:
    number = _ABBREVIATED.get(text.upper()[:3], -1) if text.isalpha() else int(text) if text.isdigit() else -1
    return _DAYS[number] if 0 <= number < len(_DAYS) else ""
