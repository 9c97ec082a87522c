"""The files of a URI with what is known of each before it is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kfp_lifecycle.components.collection.rows import Part, read_types
from kfp_lifecycle.components.collection.sources import Source, fetched, find_sources, partition_columns


def find_parts(uri: str, format: str, scratch: Path) -> list[Part]:
    """The files that a URI stands for, each with its columns."""
    return parts_of(find_sources(uri, format), scratch)


def parts_of(sources: Sequence[Source], scratch: Path) -> list[Part]:
    """The files with their own columns and those that their folders give; a file's own column goes first.

    The folders of a log give none: they tell the hour of arrival, which each row tells more exactly.
    """
    partitions = partition_columns([source for source in sources if not source.layout])
    parts = []
    for index, source in enumerate(sources):
        if source.uri.startswith("https://"):
            # Fetched once: a second pass over the server's file could meet other bytes.
            source = fetched(source, scratch)
        types = read_types(source)
        constants = {name: values[index] for name, values in partitions.items() if name not in types}
        parts.append(Part(source, types, constants))
    return parts
