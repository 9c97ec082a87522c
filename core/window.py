"""Windows of event time: UTC, half-open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kfp_lifecycle.core.errors import InputError

_SCHEDULED = re.compile(r"\[\[(ScheduledTime|CurrentTime)(\.[^\]]*)?\]\]")
_KFP_TIME = re.compile(r"\d{14}")
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_DAY = timedelta(days=1)
# A Monday.
_GRID = datetime(2001, 1, 1, tzinfo=UTC)
_REMEDY = "Write for example 2013-01-01/2013-03-12, P70D or P70D/2013-03-12."


@dataclass(frozen=True)
class Window:
    """The instants from ``start`` up to but not including ``end``, both aware and in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise InputError("window", f"{self.start}/{self.end}", "a start before the end", _REMEDY)

    def __str__(self) -> str:
        return f"{format_time(self.start)}/{format_time(self.end)}"

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end


def format_time(instant: datetime) -> str:
    """ISO 8601 in UTC with a trailing Z; fractions only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(text: str, parameter: str = "time") -> datetime:
    """An ISO 8601 date or time, or KFP's ``20060102150405``; without an offset it is UTC."""
    text = text.strip()
    try:
        if _KFP_TIME.fullmatch(text):
            return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            parameter, text, "an ISO 8601 date or time", "Write for example 2013-03-12 or 2013-03-12T06:00:00Z."
        ) from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def parse_duration(text: str, parameter: str = "window") -> timedelta:
    """An ISO 8601 duration of weeks, days, hours, minutes and seconds; months and years have no fixed length."""
    match = _DURATION.fullmatch(text.strip())
    parts = [int(part or 0) for part in match.groups()] if match else []
    if not any(parts):
        raise InputError(
            parameter, text, "an ISO 8601 duration of weeks, days or hours", "Write for example P7D or PT6H."
        )
    weeks, days, hours, minutes, seconds = parts
    try:
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise InputError(parameter, text, "a duration below 2.7 million years", "Shorten it.") from None


def grid_step(length: timedelta) -> timedelta:
    """How far apart windows of this length may begin: a day where they are whole days, else their length."""
    return length if length % _DAY else _DAY


def floor_to_grid(instant: datetime, length: timedelta) -> datetime:
    """The last moment up to ``instant`` at which windows of this length begin and end: a midnight (UTC) where they are
    whole days, else a multiple of their length after a Monday's midnight. So whoever cuts them cuts them alike."""
    return instant - (instant - _GRID) % grid_step(length)


def place_in_week(instant: datetime) -> timedelta:
    """The time since the last Monday's midnight, UTC."""
    return (instant - _GRID) % (7 * _DAY)


def resolve_as_of(text: str, now: datetime) -> datetime:
    """The instant a run stands for: empty, or a schedule macro that KFP left unexpanded, means ``now``."""
    if not text.strip() or _SCHEDULED.fullmatch(text.strip()):
        return now.astimezone(UTC)
    return parse_time(text, "as_of")


def parse_window(text: str, as_of: datetime) -> Window | None:
    """``start/end``, ``P70D/end``, ``start/P70D``, or ``P70D`` for the days before ``as_of``; empty gives None."""
    text = text.strip()
    if not text:
        return None
    first, slash, second = text.partition("/")
    try:
        if not slash:
            return Window(as_of - parse_duration(first), as_of)
        if first.startswith("P"):
            end = parse_time(second, "window")
            return Window(end - parse_duration(first), end)
        start = parse_time(first, "window")
        end = start + parse_duration(second) if second.startswith("P") else parse_time(second, "window")
        return Window(start, end)
    except OverflowError:
        raise InputError("window", text, "instants in the years 1 to 9999", _REMEDY) from None
