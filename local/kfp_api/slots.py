"""The times at which a recurring run fires, as KFP's controller of scheduled workflows finds them.

Followed is ``backend/src/crd/controller/scheduledworkflow/util`` of kubeflow/pipelines: all times are whole Unix
seconds, cron is read in UTC, and the next slot depends on the last slot that was taken, never on when it was taken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from croniter import CroniterBadDateError, croniter

from kfp_lifecycle.core.cron import checked_cron
from kfp_lifecycle.core.errors import InputError

_NEVER = math.inf
# After so many years without a match, KFP's cron parser gives up.
_YEARS = 5


@dataclass(frozen=True)
class Trigger:
    """When a recurring run fires: by ``cron`` (six fields, seconds first) or every ``interval`` seconds.

    Attributes:
        start: no slot is at or before it; Unix seconds.
        end: no slot is after it; Unix seconds, infinity if there is none.
    """

    cron: str = ""
    interval: int = 0
    start: float | None = None
    end: float = _NEVER


def parse_trigger(value: Mapping[str, Any]) -> Trigger:
    """The trigger in the JSON of a V2beta1Trigger.

    Raises:
        InputError: it has no schedule or two, or a cron text, an interval or a time in it is wrong.
    """
    cron, periodic = value.get("cron_schedule"), value.get("periodic_schedule")
    if (cron is None) == (periodic is None):
        raise InputError(
            "trigger", dict(value), "either cron_schedule or periodic_schedule", "Give an interval or a cron text."
        )
    schedule = cron if cron is not None else periodic
    assert schedule is not None
    start = _moment("start_time", schedule.get("start_time"))
    end = _moment("end_time", schedule.get("end_time"))
    if cron is not None:
        return Trigger(checked_cron(cron.get("cron") or ""), 0, start, _NEVER if end is None else end)
    return Trigger("", _interval(schedule.get("interval_second")), start, _NEVER if end is None else end)


def next_slot(trigger: Trigger, *, created: float, last: float | None, no_catchup: bool, now: float) -> int | None:
    """The slot to be taken next; it is due if it is not after ``now``, and None means never again.

    With catching up this is the slot after the last one taken, however long ago. Without, it is the newest of those
    that were missed: for an interval that is *now*, from where it then goes on.

    Args:
        created: when the recurring run was made.
        last: the last slot that was taken.
    """
    base = int(last if last is not None else trigger.start if trigger.start is not None else created)
    if trigger.start is not None:
        base = max(base, int(trigger.start))
    first = _after(trigger, base)
    if first is None or first > trigger.end:
        return None
    if no_catchup and first <= now:
        return _newest(trigger, first, min(now, trigger.end))
    return first


def _after(trigger: Trigger, base: int) -> int | None:
    if not trigger.cron:
        return base + trigger.interval
    try:
        return int(_cron(trigger.cron, base).get_next(float))
    except CroniterBadDateError:
        return None


def _newest(trigger: Trigger, first: int, until: float) -> int:
    """The slot to take instead of all from ``first`` up to ``until``."""
    if not trigger.cron:
        missed = int(until) >= first + trigger.interval
        return int(until) if missed else first
    # The slot before a second is the newest one up to the second before.
    return int(_cron(trigger.cron, int(until) + 1).get_prev(float))


def _cron(text: str, base: int) -> croniter:
    return croniter(
        text,
        datetime.fromtimestamp(base, UTC),
        second_at_beginning=True,
        # A day field that begins with a star restricts nothing, though it may have a step: so KFP's parser has it.
        implement_cron_bug=True,
        max_years_between_matches=_YEARS,
    )


def _interval(value: Any) -> int:
    # KFP's gateway writes 64-bit numbers as texts.
    try:
        seconds = int(value)
    except (TypeError, ValueError):
        seconds = 0
    if seconds < 1:
        raise InputError("interval_second", value, "a whole number of seconds, at least 1", "Give for example 3600.")
    return seconds


def _moment(name: str, value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(name, value, "a time as in RFC 3339", "Write for example 2026-01-31T12:00:00Z.") from error
