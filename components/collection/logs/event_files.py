"""The events that log files hold: JSON objects or arrays a line, or Parquet rows of KServe's blob logger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from kfp_lifecycle.components.collection.logs.events import Event, read_cloud_event, read_kserve_record
from kfp_lifecycle.components.collection.logs.values import Malformed, NoPrediction, parse_json
from kfp_lifecycle.components.collection.prefetch import fetched_ahead
from kfp_lifecycle.components.collection.sources import (
    KSERVE_BLOB,
    PARQUET,
    Source,
    UnreadableFile,
    open_source,
    readable,
)

# A line is held in memory, a few times over while it is read.
LONGEST_LINE = 32 << 20
_CHUNK = 1 << 20
_PARQUET_ROWS = 64
_COLUMNS = ("bytes", "reqType", "id", "sourceUri", "metadata", "occurrenceTime")
_EXAMPLES = 3


@dataclass
class Count:
    """What was read of a log.

    Attributes:
        records: all that was found.
        malformed: those that could not be understood and are left out.
        others: those of something other than predictions, which are passed over.
        examples: what the first of the malformed ones were.
    """

    records: int = 0
    malformed: int = 0
    others: int = 0
    examples: list[str] = field(default_factory=list)

    def add_malformed(self, where: str, error: object) -> None:
        """Count one, and keep the first few to tell."""
        self.malformed += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(f"{where}: {str(error)[:200]}")


def read_events(sources: Sequence[Source], count: Count) -> Iterator[Event]:
    """The events of all files in order; what cannot be understood is counted in ``count``."""
    for source, content in fetched_ahead(sources):
        for number, record in enumerate(_records(source, content, count), 1):
            count.records += 1
            try:
                if isinstance(record, Malformed):
                    raise record
                yield _event(source, record)
            except Malformed as error:
                count.add_malformed(f"{source.name}, record {number}", error)
            except NoPrediction:
                count.others += 1


def _event(source: Source, record: Any) -> Event:
    if source.layout == KSERVE_BLOB:
        return read_kserve_record(record, source.modified)
    return read_cloud_event(record)


def _records(source: Source, content: bytes | None, count: Count) -> Iterator[Any]:
    try:
        with open_source(source, content) as stream:
            read: Callable[..., Iterator[Any]] = _parquet_rows if source.format == PARQUET else _json_records
            yield from readable(source, read(stream))
    except UnreadableFile as error:
        if getattr(error.__cause__, "errno", None) is not None:
            raise  # The store's fault, not the file's.
        count.records += 1
        count.add_malformed(source.name, error.remedy)


def _parquet_rows(stream: Any) -> Iterator[Any]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(stream, pre_buffer=False)
    names = [name for name in _COLUMNS if name in file.schema_arrow.names]
    for batch in file.iter_batches(batch_size=_PARQUET_ROWS, columns=names, use_threads=False):
        yield from batch.to_pylist()


def _json_records(stream: BinaryIO) -> Iterator[Any]:
    """The objects of each line, and those of arrays; a line that is no JSON comes as the error that says so."""
    for line in bounded_lines(stream, LONGEST_LINE):
        if line is None:
            yield Malformed(f"a line longer than {LONGEST_LINE} bytes")
            continue
        try:
            document = parse_json(line)
        except Malformed as error:
            yield error
            continue
        yield from document if isinstance(document, list) else [document]


def bounded_lines(stream: BinaryIO, longest: int) -> Iterator[bytes | None]:
    """The lines that are not empty; None in the place of one that is longer, whose bytes are never held."""
    rest, skipping = b"", False
    while chunk := stream.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if skipping or len(line) > longest:
                yield None
            elif line.strip():
                yield line
            skipping = False
        if len(rest) > longest:
            rest, skipping = b"", True
    if skipping:
        yield None
    elif rest.strip():
        yield rest
