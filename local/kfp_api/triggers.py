"""When a recurring run fires: V2beta1Trigger, checked and in one form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.core.cron import checked_cron
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.kfp_api import errors, messages, moments

_LONGEST_CRON = 200


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
    if interval <= 0:
        raise errors.invalid(f"interval_second must be at least 1, not {interval}")
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
    if len(found) == 2 and found["start_time"] >= found["end_time"]:
        raise errors.invalid("start_time must be before end_time")
    return {name: moments.rendered(moment) for name, moment in found.items()}
