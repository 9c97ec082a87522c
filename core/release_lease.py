"""How long a release counts as held without a further sign of life from its holder. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

_SHORTEST = timedelta(minutes=10)
# So many checks may fail before the holder's run counts as dead.
_CHECKS = 5
# After a verdict another pod takes over, which may have to wait for a node.
_HANDOVER = timedelta(hours=1)


def lease(now: datetime, check_seconds: float) -> datetime:
    """Until when a release is held by a step that looks every ``check_seconds``."""
    return now + max(_SHORTEST, _CHECKS * timedelta(seconds=check_seconds))


def handover(now: datetime) -> datetime:
    """Until when a release waits for the next step after a verdict."""
    return now + _HANDOVER
