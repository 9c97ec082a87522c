"""What has to change so that the recurring runs of a KFP API are those that a file declares.

KFP cannot update a recurring run. A changed one is made anew, switched off; then the old one is switched off, the new
one on, and the old one deleted. Each next write is found from what is there now and nothing else, so an apply that
was interrupted anywhere is finished by the next one, and no write ever makes a second one fire.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from kfp_lifecycle.core.checksums import canonical_json, sha256_bytes
from kfp_lifecycle.core.schedules import LATEST, Schedule
from kfp_lifecycle.core.window import format_time


@dataclass(frozen=True)
class Wanted:
    """A declared schedule with the ids that its names stand for.

    Attributes:
        version_id: empty for the latest version at each run.
    """

    owner: str
    schedule: Schedule
    pipeline_id: str
    version_id: str = ""

    @property
    def digest(self) -> str:
        """Of everything but ``enabled``, which alone can be changed in place."""
        content = {key: value for key, value in fields(self.schedule).items() if key != "enabled"}
        whose = {"owner": self.owner, "pipeline_id": self.pipeline_id, "version_id": self.version_id}
        return sha256_bytes(canonical_json({**content, **whose}))


@dataclass(frozen=True)
class Found:
    """A recurring run as the API has it.

    Attributes:
        owner: who declared it; empty where no apply made it.
        digest: that of the ``Wanted`` from which it was made.
        start: no slot is before it; None counts from ``created``.
        last_slot: the last slot for which it started a run; None where no run of it is left, or nobody asked.
        content: its fields as ``fields`` gives those of a declared one, as far as they were asked for.
    """

    id: str
    name: str
    owner: str
    digest: str
    enabled: bool
    created: datetime
    cron: str = ""
    every: int = 0
    start: datetime | None = None
    last_slot: datetime | None = None
    content: dict[str, Any] = field(default_factory=dict)


class Kind(StrEnum):
    CREATE = "create"
    ENABLE = "enable"
    DISABLE = "disable"
    DELETE = "delete"


@dataclass(frozen=True)
class Write:
    """One write: on the recurring run ``id``, or the creation of one, always switched off, that starts at ``start``."""

    kind: Kind
    id: str = ""
    start: datetime | None = None


def fields(schedule: Schedule) -> dict[str, Any]:
    """What is declared, in plain values, by the names of the file."""
    return {
        "pipeline": schedule.pipeline,
        "version": schedule.version or LATEST,
        "cron": schedule.cron,
        "every": schedule.every,
        "start": format_time(schedule.start) if schedule.start else "",
        "end": format_time(schedule.end) if schedule.end else "",
        "max_concurrency": schedule.max_concurrency,
        "catch_up": schedule.catch_up,
        "enabled": schedule.enabled,
        "parameters": schedule.parameters,
        "experiment": schedule.experiment,
        "service_account": schedule.service_account,
    }


def next_write(wanted: Wanted | None, found: Sequence[Found], now: datetime) -> Write | None:
    """The next write on the way to exactly this schedule, or to none.

    Args:
        wanted: None removes all of ``found``.
        found: every recurring run of that name that may be touched, with its last slot.
        now: by which a new one starts whose predecessor tells no better.

    Returns:
        None when there is nothing left to do.
    """
    if wanted is None:
        return Write(Kind.DELETE, found[0].id) if found else None
    new = _kept(wanted, found)
    old = [it for it in found if it is not new]
    if new is None:
        return Write(Kind.CREATE, start=_start(wanted.schedule, old, now))
    if enabled := [it for it in old if it.enabled]:
        return Write(Kind.DISABLE, enabled[0].id)
    if not new.enabled and any(it.last_slot and _whole(it.last_slot) > (new.start or new.created) for it in old):
        # The old one has fired since the new one was made: one that starts there instead will not do so again.
        return Write(Kind.DELETE, new.id)
    if new.enabled != wanted.schedule.enabled:
        return Write(Kind.ENABLE if wanted.schedule.enabled else Kind.DISABLE, new.id)
    return Write(Kind.DELETE, old[0].id) if old else None


def predecessors(wanted: Wanted, found: Sequence[Found]) -> list[Found]:
    """Those of ``found`` that are to be replaced: whose last slot ``next_write`` has to know."""
    new = _kept(wanted, found)
    return [it for it in found if it is not new]


def _kept(wanted: Wanted, found: Sequence[Found]) -> Found | None:
    """The one that is already as declared; of several, as two that apply at once may make, the same one for both."""
    right = [it for it in found if it.owner == wanted.owner and it.digest == wanted.digest]
    return min(right, key=lambda it: (not it.enabled, it.created, it.id), default=None)


def _start(schedule: Schedule, old: Sequence[Found], now: datetime) -> datetime | None:
    """When the new one is to start: where the last of the old ones stopped, so that no slot is run twice or lost.

    Without a slot to go on from, or with other times than before, it starts now: a start far back would have KFP run
    slots that an old one has run, or that were never meant.
    """
    if not old:
        return schedule.start
    slots = [_whole(it.last_slot) for it in old if it.last_slot]
    newest = max(old, key=lambda it: it.created)
    same_times = (newest.cron, newest.every) == (schedule.cron, schedule.every)
    if not (slots and same_times):
        anchor = schedule.start or (newest.start or newest.created if same_times else now)
        slots.append(_in_step(schedule.every, _whole(anchor), now.replace(microsecond=0)))
    return max([*slots, *([schedule.start] if schedule.start else [])])


def _in_step(every: int, anchor: datetime, now: datetime) -> datetime:
    """Now, or for an interval its last slot: else who applies more often than it fires would put it off for ever."""
    if not every or anchor >= now:
        return now
    interval = timedelta(seconds=every)
    return anchor + ((now - anchor) // interval) * interval


def _whole(moment: datetime) -> datetime:
    """The API keeps whole seconds."""
    return datetime.fromtimestamp(math.ceil(moment.timestamp()), UTC)
