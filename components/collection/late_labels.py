"""The labels' table, found and read as any other."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kfp_lifecycle.components.collection.label_index import LabelColumns, index_labels
from kfp_lifecycle.components.collection.label_keys import label_keys
from kfp_lifecycle.components.collection.labels import Labels
from kfp_lifecycle.components.collection.parts import find_parts
from kfp_lifecycle.components.collection.rows import Part, Selection, stream_rows
from kfp_lifecycle.components.collection.schemas import unify
from kfp_lifecycle.components.collection.sources import AUTO
from kfp_lifecycle.core.columns import unknown_column
from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_log = logging.getLogger(__name__)
# What a refusal of a table names, and what the same is called here.
_PARAMETERS = {"uri": "labels_uri", "format": "labels_uri", "columns": "labels_id", "time_column": "labels_time"}


@dataclass(frozen=True)
class LabelOptions:
    """Where labels are, and how they are joined.

    Attributes:
        uri: as of any table; empty where rows bring their labels themselves.
        id: what ``label_keys`` reads.
        label: the column.
        time: the column that says when a label came to be known; empty where there is none.
        as_of: the instant after which none is known.
    """

    uri: str
    id: Sequence[str]
    label: str
    time: str
    as_of: datetime


@dataclass(frozen=True)
class LabelTable:
    """The labels' table before it is read.

    Attributes:
        keys: its columns to join by, with those of the rows.
    """

    parts: Sequence[Part]
    keys: Mapping[str, str]


def find_labels(options: LabelOptions, in_rows: Collection[str], scratch: Path) -> LabelTable:
    """The labels' table, and by which columns it meets rows that have the columns ``in_rows``.

    Raises:
        InputError: names the parameter of the labels.
    """
    if not options.label:
        raise InputError("label", "", "the label's column in the table of labels_uri", "Name it.")
    if options.label in in_rows:
        raise InputError(
            "label", options.label, "a column that the rows do not have", "Leave the rows' own column out by columns."
        )
    with _renamed():
        parts = find_parts(options.uri, AUTO, scratch)
    known = list(dict.fromkeys(name for part in parts for name in part.names))
    for parameter, name in (("label", options.label), ("labels_time", options.time)):
        if name and name not in known:
            raise unknown_column(parameter, name, known, "the labels' table")
    return LabelTable(parts, label_keys(options.id, known, in_rows))


def read_labels(table: LabelTable, options: LabelOptions, types: Mapping[str, pa.DataType]) -> Labels:
    """All labels, ready to be joined to rows of the given types.

    Raises:
        InputError: names the parameter of the labels.
    """
    wanted = list(dict.fromkeys([*table.keys, options.label, *([options.time] if options.time else [])]))
    with _renamed():
        found = unify([(part.source, part.column_types) for part in table.parts], wanted)
        selection = Selection(found, wanted, options.time, None)
        columns = LabelColumns(table.keys, types, options.label, options.time, options.as_of)
        kind = selection.schema.field(options.label).type
        labels = index_labels(stream_rows(table.parts, selection), kind, columns)
    _log.info(
        "%d labels; left out were %d without a key or a value, and %d that were not known yet",
        len(labels.hashes),
        labels.without_key,
        labels.later,
    )
    return labels


@contextmanager
def _renamed() -> Iterator[None]:
    """Refusals of a table name the parameters of the rows; here they are those of the labels."""
    try:
        yield
    except InputError as error:
        if error.parameter not in _PARAMETERS:
            raise
        raise InputError(_PARAMETERS[error.parameter], error.value, error.expected, error.remedy) from error
