"""The files that a URI stands for: their format, their compression and their partition folders."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.adapters.object_files import listed
from kfp_lifecycle.adapters.object_times import changed_at
from kfp_lifecycle.adapters.object_uris import below, is_hidden
from kfp_lifecycle.core.errors import InputError

AUTO, PARQUET, CSV, JSONL = "auto", "parquet", "csv", "jsonl"
PAYLOAD_LOG, KSERVE_BLOB, CLOUD_EVENTS = "payload-log", "kserve-blob", "cloudevents"
# What each log of predictions is made of.
LOGS = {PAYLOAD_LOG: (PARQUET,), KSERVE_BLOB: (JSONL, PARQUET), CLOUD_EVENTS: (JSONL,)}
FORMATS = (AUTO, PARQUET, CSV, JSONL, *LOGS)
_SUFFIXES = {
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".csv": CSV,
    ".tsv": CSV,
    ".jsonl": JSONL,
    ".ndjson": JSONL,
    ".json": JSONL,
}
_PARTITION = re.compile(r"([^=/]+)=([^/]*)")
JSON_BLOCK = 8 << 20
# What Hive writes for a missing partition value.
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


class UnreadableFile(InputError):
    """A file is not of its format, or is cut off."""


@dataclass(frozen=True)
class Source:
    """One file.

    Attributes:
        uri: where it is read.
        name: what it is called in messages.
        format: parquet, csv or jsonl.
        partitions: values that its folders give to columns, as in ``week=01/flights.parquet``; None is null.
        layout: which log it is a part of; empty for a plain file.
        modified: when it was written; None where its store does not say.
    """

    uri: str
    name: str
    format: str
    partitions: dict[str, str | None] = field(default_factory=dict)
    layout: str = ""
    modified: datetime | None = None

    @property
    def is_remote(self) -> bool:
        return not object_store.locate(self.uri).is_local

    @property
    def separator(self) -> str:
        return "\t" if ".tsv" in _suffixes(self.uri) else ","


def find_sources(uri: str, format: str) -> list[Source]:
    """The files to read, in order of their URIs.

    In a folder, files whose name starts with a dot or an underscore are passed over, as are those of no known
    format or of another one than ``format``; if ``format`` is given and no name says so, the unknown ones are meant.

    Raises:
        InputError: no file is found, its format is not known, or the files are of several formats.
    """
    if format not in FORMATS:
        raise InputError("format", format, "one of " + ", ".join(FORMATS), "Leave it at auto to go by the file names.")
    base = object_store.locate(uri)
    # KServe names a record's file by its id, which a client may choose.
    all_count = format == KSERVE_BLOB
    found = {place.uri: info for place, info in listed(uri, "uri") if all_count or not is_hidden(place.uri, base.uri)}
    named = {name: _SUFFIXES.get(_suffix(name), "") for name in found}
    if format in LOGS:
        known = {name: kind for name, kind in named.items() if kind in LOGS[format]}
    elif format == AUTO:
        known = {name: kind for name, kind in named.items() if kind}
    elif len(named) == 1:
        # A single file is what the caller says it is, whatever its name.
        known = dict.fromkeys(named, format)
    else:
        known = {name: format for name, kind in named.items() if kind == format}
        known = known or {name: format for name, kind in named.items() if not kind}
    if not known:
        raise InputError(
            "uri",
            object_store.public(uri),
            f"files that end in {', '.join(_endings(format))}, each also with .gz",
            "Set format, if they have another name." if found else "The folder holds only hidden files.",
        )
    if len(set(known.values())) > 1 and format not in LOGS:
        examples = {kind: object_store.public(name) for name, kind in sorted(known.items(), reverse=True)}
        raise InputError(
            "uri", object_store.public(uri), "files of one format", f"Name one by a pattern or by format: {examples}."
        )
    layout = format if format in LOGS else ""
    return [
        Source(name, object_store.public(name), kind, _partitions(name, base.uri), layout, changed_at(found[name]))
        for name, kind in sorted(known.items())
    ]


def fetched(source: Source, folder: Path) -> Source:
    """The same file on this machine's disk, under a name with the same endings."""
    copy = folder / PurePosixPath(_path(source.uri)).name
    with object_store.open_input(source.uri, "uri") as stream, copy.open("wb") as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    return replace(source, uri=str(copy))


def partition_columns(sources: Sequence[Source]) -> dict[str, list[str | int | None]]:
    """The values of each partition column, one for each source: whole numbers where all are, else text."""
    columns: dict[str, list[str | int | None]] = {}
    for name in dict.fromkeys(name for source in sources for name in source.partitions):
        values = [source.partitions.get(name) for source in sources]
        whole = all(value is None or re.fullmatch(r"-?\d{1,18}", value) for value in values)
        columns[name] = [int(value) if whole and value is not None else value for value in values]
    return columns


@contextmanager
def open_source(source: Source, content: bytes | None = None) -> Iterator[Any]:
    """A stream for pyarrow; decompressed when the name ends in .gz. ``content`` is the file's, where it is at hand."""
    import pyarrow as pa

    with object_store.open_input(source.uri, "uri") if content is None else BytesIO(content) as stream:
        if _path(source.uri).endswith(".gz"):
            with pa.input_stream(stream, compression="gzip") as plain:
                yield plain
        else:
            yield stream


def readable(source: Source, batches: Iterator[Any]) -> Iterator[Any]:
    """Pass batches on; an error of the parser becomes one that names the file."""
    import pyarrow as pa

    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except (pa.ArrowException, OSError, EOFError) as error:
            if isinstance(error, ConnectionError | TimeoutError):
                raise
            raise unreadable(source, error) from error
        yield batch


def unreadable(source: Source, error: BaseException) -> UnreadableFile:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UnreadableFile("uri", source.name, f"a readable {source.format} file", f"The parser said: {said}")


def json_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Blocks of whole lines."""
    rest = b""
    while chunk := stream.read(JSON_BLOCK):
        block, newline, tail = (rest + chunk).rpartition(b"\n")
        if newline:
            yield block + newline
        rest = tail
        if len(rest) > 4 * JSON_BLOCK:
            raise EOFError(f"a line is longer than {4 * JSON_BLOCK} bytes: expected one JSON object on each line")
    if rest.strip():
        yield rest


def _path(uri: str) -> str:
    location = object_store.locate(uri)
    return urlsplit(uri).path if location.scheme == "https" else location.path


def _suffixes(uri: str) -> list[str]:
    return [suffix.lower() for suffix in PurePosixPath(_path(uri)).suffixes]


def _suffix(uri: str) -> str:
    suffixes = _suffixes(uri)
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _endings(format: str) -> list[str]:
    return [suffix for suffix, kind in _SUFFIXES.items() if kind in LOGS.get(format, FORMATS)]


def _partitions(name: str, base: str) -> dict[str, str | None]:
    pairs = [match.groups() for part in below(name, base)[:-1] if (match := _PARTITION.fullmatch(part))]
    return {key: None if value == _NO_VALUE else unquote(value) for key, value in pairs}
