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

from kfp_lifecycle.local.kfp_api.moments import parsed

# After so many years without a match, KFP's cron parser gives up.
_YEARS = 5
# 9999-12-31T23:59:59Z: what is later has no date.
_LAST_SECOND = 253_402_300_799


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
    end: float = math.inf


def parse_trigger(value: Mapping[str, Any]) -> Trigger:
    """The trigger in the JSON that :func:`kfp_lifecycle.local.kfp_api.triggers.checked` gave."""
    [schedule] = value.values()
    start, end = (parsed(schedule[name]) if name in schedule else None for name in ("start_time", "end_time"))
    return Trigger(
        schedule.get("cron", ""), schedule.get("interval_second", 0), start, math.inf if end is None else end
    )


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
    if first is None or first > min(trigger.end, _LAST_SECOND):
        return None
    if no_catchup and first <= now:
        return _newest(trigger, first, min(now, trigger.end))
    return first


def _after(trigger: Trigger, base: int) -> int | None:
    if not trigger.cron:
        return base + trigger.interval
    try:
        return int(_cron(trigger.cron, base).get_next(float))
    except (CroniterBadDateError, OverflowError, ValueError):
        # Nothing matches, or not before the calendar ends.
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
