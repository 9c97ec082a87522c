"""Write after write until the recurring runs are those that are declared."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from kfp_lifecycle.adapters import kfp_schedules
from kfp_lifecycle.adapters.kfp_connection import KfpConnection
from kfp_lifecycle.adapters.kfp_errors import KfpAbsent, KfpError, may_pass
from kfp_lifecycle.core.schedule_plan import Found, Kind, Wanted, Write, next_write, predecessors

_MOST_FAILURES = 5
_LONGEST_PAUSE = 5.0  # seconds
# Two that apply at once undo some of each other's work, and end nevertheless.
_MOST_WRITES = 20

_log = logging.getLogger(__name__)


class NotSettled(RuntimeError):
    """Somebody else changes the same schedule all the time."""


def apply_schedule(
    connection: KfpConnection,
    name: str,
    wanted: Wanted | None,
    may_touch: Callable[[list[Found]], list[Found]],
    tell: Callable[[Write], None],
) -> None:
    """Bring the recurring runs of one name to what is declared.

    What is there is read anew before each write, so that a write whose answer was lost is not repeated when it was
    done, and what somebody else did meanwhile counts.

    Args:
        wanted: None removes them.
        may_touch: chooses those of this name that are ours, or raises InputError.
        tell: hears each write when it was done.

    Raises:
        InputError: by ``may_touch``.
        KfpError: the API refused, or failed several times.
        ScheduleNotKept: it keeps something else than it was sent.
        NotSettled: others change the same schedule all the time.
    """
    verified: set[str] = set()
    writes = failures = 0
    while True:
        try:
            found = may_touch(kfp_schedules.list_schedules(connection, name))
            if wanted is not None:
                found = _verified(connection, wanted, found, verified)
            write = next_write(wanted, found, datetime.now(UTC))
            if write is None:
                return
            if writes >= _MOST_WRITES + len(found):
                raise NotSettled(f"the recurring runs of {name!r} change while they are applied; apply again")
            writes += 1
            _do(connection, wanted, write)
        except KfpError as error:
            # After a lost answer the write may have been done, and what is absent may have been deleted by another.
            failures += 1
            if not (isinstance(error, KfpAbsent) or may_pass(error)) or failures >= _MOST_FAILURES:
                raise
            if isinstance(error, KfpAbsent):
                continue
            _log.warning("%s; looking again", error)
            time.sleep(random.uniform(0.2, 1.0) * min(2.0 ** (failures - 2), _LONGEST_PAUSE))
            continue
        tell(write)


def _verified(connection: KfpConnection, wanted: Wanted, found: list[Found], verified: set[str]) -> list[Found]:
    """``found`` with the last slots of those to be replaced; a new one is looked at once before any old one is."""
    old = predecessors(wanted, found)
    new = [it for it in found if it not in old]
    if new and not new[0].enabled and new[0].id not in verified:
        kfp_schedules.verify(connection, wanted, new[0])
        verified.add(new[0].id)
    return new + [replace(it, last_slot=kfp_schedules.last_slot(connection, it.id)) for it in old]


def _do(connection: KfpConnection, wanted: Wanted | None, write: Write) -> None:
    if write.kind is Kind.CREATE:
        assert wanted is not None
        kfp_schedules.create(connection, wanted, write.start)
    else:
        kfp_schedules.change(connection, write.kind, write.id)
