"""Which columns are read, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kfp_lifecycle.components.collection.rows import Part, Selection
from kfp_lifecycle.components.collection.schemas import missing, unify
from kfp_lifecycle.core.columns import unknown_column
from kfp_lifecycle.core.logged_rows import LOG_COLUMNS, PREDICTION, log_types
from kfp_lifecycle.core.window import Window

if TYPE_CHECKING:
    import pyarrow as pa


def table_selection(
    parts: Sequence[Part], columns: Sequence[str], also: Sequence[str], time_column: str, window: Window | None
) -> Selection:
    """The columns of files: those named, or all.

    Args:
        parts: the files.
        columns: those to keep; empty keeps all.
        also: those that have to be read beside them.
        time_column: of event time; empty where there is none.
        window: of event time.

    Raises:
        InputError: a column is in no file, the time column not in each, or types cannot meet.
    """
    _require_time(parts, time_column)
    wanted = list(dict.fromkeys([*columns, *also, *([time_column] if time_column else [])])) if columns else []
    types = unify([(part.source, part.column_types) for part in parts], wanted)
    return Selection(types, wanted or list(types), time_column, window)


def log_selection(
    parts: Sequence[Part], columns: Sequence[str], also: Sequence[str], time_column: str, window: Window | None
) -> Selection:
    """As ``table_selection``, of a log of predictions: its own columns are all there, null where a file lacks them."""
    import pyarrow as pa

    _require_time(parts, time_column)
    found = [(part.source, part.column_types) for part in parts]
    known = list(dict.fromkeys([*(name for _, types in found for name in types), *LOG_COLUMNS]))
    for name in columns:
        if name not in known:
            raise unknown_column("columns", name, known, "the log")
    wanted = {*columns, *also, *LOG_COLUMNS} if columns else set(known)
    met = unify([(source, _of(types, wanted)) for source, types in found], [])
    own = log_types(classes=not pa.types.is_floating(met.get(PREDICTION, pa.null())))
    features = {name: kind for name, kind in met.items() if name not in own and not name.startswith("_")}
    scores = {name: kind for name, kind in met.items() if name not in own and name.startswith("_")}
    types = {**features, **own, **scores}
    return Selection(types, list(types), time_column, window)


def _of(types: dict[str, pa.DataType], wanted: set[str]) -> dict[str, pa.DataType]:
    return {name: kind for name, kind in types.items() if name in wanted}


def _require_time(parts: Sequence[Part], time_column: str) -> None:
    # Elsewhere a missing column is null, but rows without a time would leave the window without a word.
    for part in parts:
        if time_column and time_column not in part.names:
            raise missing(time_column, part.source, part.column_types, "time_column")
