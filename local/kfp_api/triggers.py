"""When a recurring run fires: V2beta1Trigger, checked and in one form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kfp_lifecycle.core.cron import checked_cron
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.kfp_api import errors, messages, moments

_LONGEST_CRON = 200
_LONGEST_INTERVAL = 10 * 366 * 86_400
# Of start_time and end_time; some years are left to the calendar's last one, so that a slot after the end has a date.
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
_FIRST, _LAST = (
    datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp(),
    datetime(_LAST_YEAR, 12, 31, tzinfo=UTC).timestamp(),
)


def checked(message: Mapping[str, Any]) -> dict[str, Any]:
    """The trigger: ``cron_schedule`` (start_time, end_time, cron) or ``periodic_schedule`` (.., interval_second).

    Times are RFC 3339 in UTC, the interval is a whole number of seconds.

    Raises:
        ApiError: 400, it is neither, both, or wrong.
    """
    cron, periodic = messages.nested(message, "cron_schedule"), messages.nested(message, "periodic_schedule")
    if bool(cron) == bool(periodic):
        raise errors.invalid("the trigger needs either cron_schedule or periodic_schedule")
    schedule = _bounds(cron or periodic)
    if cron:
        return {"cron_schedule": {**schedule, "cron": _cron(messages.text(cron, "cron"))}}
    interval = messages.whole(periodic, "interval_second")
    if not 1 <= interval <= _LONGEST_INTERVAL:
        raise errors.invalid(f"interval_second must be at least 1 and at most {_LONGEST_INTERVAL}, not {interval}")
    return {"periodic_schedule": {**schedule, "interval_second": interval}}


def _cron(text: str) -> str:
    if len(text) > _LONGEST_CRON:
        raise errors.invalid(f"the cron text has more than {_LONGEST_CRON} characters")
    try:
        return checked_cron(text)
    except InputError as error:
        raise errors.invalid(str(error)) from error


def _bounds(schedule: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, float] = {}
    for name in ("start_time", "end_time"):
        text = messages.text(schedule, name)
        if text:
            try:
                found[name] = moments.parsed(text)
            except (ValueError, OverflowError) as error:
                raise errors.invalid(f"{name} {text[:100]!r} is no RFC 3339 time: {error}") from error
            if not _FIRST <= found[name] <= _LAST:
                raise errors.invalid(f"{name} must be in the years {_FIRST_YEAR} to {_LAST_YEAR}, not {text[:100]!r}")
    if len(found) == 2 and found["start_time"] >= found["end_time"]:
        raise errors.invalid("start_time must be before end_time")
    return {name: moments.rendered(moment) for name, moment in found.items()}
