"""A log of predictions as Parquet files with one row a prediction, whatever it is written as."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from kfp_lifecycle.components.collection.logs.conversion import convert
from kfp_lifecycle.components.collection.logs.event_files import Count, read_events
from kfp_lifecycle.components.collection.logs.events import Event
from kfp_lifecycle.components.collection.logs.pairing import Pairing
from kfp_lifecycle.components.collection.logs.partitions import in_reach, reach, require_one_service
from kfp_lifecycle.components.collection.sources import PARQUET, PAYLOAD_LOG, Source
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.window import Window

_log = logging.getLogger(__name__)
# An answer goes out after its request came in.
_LONGEST_ANSWER = timedelta(hours=1)


@dataclass(frozen=True)
class LogOptions:
    """How to read a log.

    Attributes:
        window: of event time; None reads all.
        lateness: how far arrival and event time may lie apart; None where they have nothing to do with each other.
        names: of the features, in order, for requests that do not name them.
        max_bad_share: the largest share of records that may be malformed.
    """

    window: Window | None
    lateness: timedelta | None
    names: Sequence[str]
    max_bad_share: float


def read_log(sources: Sequence[Source], options: LogOptions, scratch: Path) -> tuple[list[Source], dict[str, int]]:
    """The Parquet files that hold the rows, and what was counted on the way.

    The counts are ``malformed`` and ``other`` records, ``unanswered`` requests and ``repeated`` events, of logs that
    are converted; of our own log there is nothing to count.

    Args:
        sources: the files of the log.
        options: how to read them.
        scratch: a folder on this machine's disk for what has to be converted, about the size of all bodies.

    Raises:
        InputError: no file is near the window, too many records are malformed, or none is a prediction.
    """
    require_one_service(sources)
    near = in_reach(sources, options.window, options.lateness)
    if not near:
        raise InputError(
            "window",
            str(options.window),
            f"a window within {options.lateness} of an hour of the log, whose {len(sources)} files are all of others",
            "Move the window, check that data has arrived, or raise lateness, or leave it empty to open all.",
        )
    _log.info("%d of %d files are near the window", len(near), len(sources))
    if sources[0].layout == PAYLOAD_LOG:
        return near, {}
    count = Count()
    path = scratch / "log.parquet"
    with closing(Pairing(scratch)) as pairing:
        pairing.add(_near(read_events(near, count), options))
        unanswered = convert(pairing, path, options.names, count)
        counts = {
            "malformed": count.malformed,
            "other": count.others,
            "unanswered": unanswered,
            "repeated": pairing.repeated,
        }
    _require_few_malformed(count, options.max_bad_share)
    _log.info("%d records: %s", count.records, ", ".join(f"{number} {name}" for name, number in counts.items()))
    # The name is that of the log: the file is gone when a message about it is read.
    return [Source(str(path), sources[0].name, PARQUET)], counts


def _near(events: Iterator[Event], options: LogOptions) -> Iterator[Event]:
    reached = reach(options.window, options.lateness)
    for event in events:
        if not reached or not event.time or reached.start <= event.time < reached.end + _LONGEST_ANSWER:
            yield event


def _require_few_malformed(count: Count, most: float) -> None:
    for example in count.examples:
        _log.warning("left out as malformed: %s", example)
    if count.malformed > most * count.records:
        raise InputError(
            "max_bad_share",
            most,
            f"at most {most:.2%} malformed records, found {count.malformed} of {count.records}",
            f"Check that format names the log's layout, or raise max_bad_share. The first: {count.examples[0]}",
        )
