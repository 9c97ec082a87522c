"""Hours of a log that cannot hold a row of the window, by the names of their folders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from kfp_lifecycle.components.collection.sources import Source
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.window import Window

_DAY, _HOUR = "date", "hour"


def in_reach(sources: Sequence[Source], window: Window | None, lateness: timedelta | None) -> list[Source]:
    """The files whose hour of arrival, ``date=YYYY-MM-DD/hour=HH`` in UTC, is at most ``lateness`` from the window.

    Files in other folders stay, but for those written more than ``lateness`` before the window: a log is written after
    what it tells. Files may be copied later, so that they were written after the window says nothing.

    Args:
        window: of event time; None keeps all.
        lateness: how far arrival and event time may lie apart; None keeps all.
    """
    reached = reach(window, lateness)
    if reached is None:
        return list(sources)
    kept = []
    for source in sources:
        hours = arrival(source)
        if hours:
            wanted = hours.end > reached.start and hours.start < reached.end
        else:
            wanted = source.modified is None or source.modified >= reached.start
        if wanted:
            kept.append(source)
    return kept


def reach(window: Window | None, lateness: timedelta | None) -> Window | None:
    """When a row of the window may have arrived; None where it may have at any time."""
    if window is None or lateness is None:
        return None
    try:
        return Window(window.start - lateness, window.end + lateness)
    except OverflowError:
        return None


def arrival(source: Source) -> Window | None:
    """The hour, or the day, that the folders of a file name; None where they name none."""
    day, hour = source.partitions.get(_DAY), source.partitions.get(_HOUR)
    try:
        start = datetime.strptime(day or "", "%Y-%m-%d").replace(tzinfo=UTC)
        if hour is None:
            return Window(start, start + timedelta(days=1))
        start = start.replace(hour=int(hour))
        return Window(start, start + timedelta(hours=1))
    except (ValueError, OverflowError):
        return None


def require_one_service(sources: Sequence[Source]) -> None:
    """Refuse the logs of several services at once: their rows could not be told apart.

    Raises:
        InputError: names two of the folders.
    """
    places = sorted({source.name.partition(f"/{_DAY}=")[0] for source in sources if _DAY in source.partitions})
    if len(places) > 1:
        raise InputError(
            "uri", places[0], f"the log of one service, found {places[1]} too", "Name one service's folder."
        )
