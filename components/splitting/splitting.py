"""The step ``split``: training and holdout rows that have nothing in common."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.components.splitting.sides import by_chance, by_class, by_order, overlap
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.columns import unknown_column
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.rows import row_hashes
from kfp_lifecycle.core.table import read_batches, read_info, read_schema, write_table

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

RANDOM, STRATIFIED, GROUPED, TIME = "random", "stratified", "grouped", "time"
METHODS = (RANDOM, STRATIFIED, GROUPED, TIME)
# More different values than this are hardly classes, and each would get too few rows to be shared out.
MOST_CLASSES = 1000

_log = logging.getLogger(__name__)


@step_entry
def split(
    table: Artifact,
    training: Artifact,
    holdout: Artifact,
    method: str = RANDOM,
    holdout_fraction: float = 0.2,
    column: str = "",
    seed: int = 0,
) -> tuple[int, int]:
    """Part a table in two, and prove by the hashes of all rows that the parts share none.

    Memory holds about 30 bytes for each row, whatever its width.

    Args:
        table: the rows to part.
        training: where the rows to learn from go.
        holdout: where the rows to judge by go.
        method: ``random`` holds out each different row by its hash; ``stratified`` holds out the same share of each
            value of ``column``; ``grouped`` keeps all rows of one value of ``column`` together; ``time`` holds out
            the rows with the latest ``column``. Equal rows, groups and times always stay together.
        holdout_fraction: the share of rows to hold out, between 0 and 1.
        column: what to stratify, group or order by; none for random.
        seed: another seed gives another parting; no influence on ``time``.

    Returns:
        Number of rows in training and in the holdout.

    Raises:
        InputError: a parameter is wrong, or a part would be empty; nothing was written.
    """
    _check(table, method, holdout_fraction, column)
    hashes = _hashes(table.path, read_schema(table.path).names)
    groups = hashes
    if method == RANDOM:
        held = by_chance(hashes, holdout_fraction, seed)
    elif method == GROUPED:
        groups = _hashes(table.path, [column])
        held = by_chance(groups, holdout_fraction, seed)
    elif method == STRATIFIED:
        held = by_class(hashes, _classes(table.path, column), holdout_fraction, seed)
    else:
        held = by_order(_order(table.path, column), holdout_fraction)
    rows = len(held) - int(held.sum()), int(held.sum())
    if not all(rows):
        raise InputError(
            "holdout_fraction",
            holdout_fraction,
            f"rows on both sides, found {rows[0]} for training and {rows[1]} to hold out",
            f"The table has {len(hashes)} rows, {len(np.unique(groups))} of them different: take more, or another seed "
            "or fraction.",
        )
    for kind, values in (("rows", hashes), ("groups", groups)):
        if shared := overlap(values, held):
            raise AssertionError(f"{shared} {kind} lie on both sides of the {method} split")
    for side, keep in ((training, ~held), (holdout, held)):
        _write(table, side, keep)
    _log.info("%s split: %d rows for training, %d held out, none in both", method, *rows)
    return rows


def _check(table: Artifact, method: str, fraction: float, column: str) -> None:
    if method not in METHODS:
        raise InputError("method", method, "one of " + ", ".join(METHODS), "Choose one of them.")
    if not 0 < fraction < 1:
        raise InputError("holdout_fraction", fraction, "a number between 0 and 1", "Hold out 0.2, for example.")
    if method == RANDOM and column:
        raise InputError("column", column, "no column for method random", "Leave it out, or set method to grouped.")
    if method != RANDOM:
        names = read_schema(table.path).names
        if not column:
            raise InputError("column", column, f"a column for method {method}", "Name it.")
        if column not in names:
            raise unknown_column("column", column, names, "the table")


def _hashes(directory: str, columns: list[str]) -> npt.NDArray[np.uint64]:
    found = [row_hashes(batch, columns) for batch in read_batches(directory, columns)]
    return np.concatenate([np.empty(0, dtype=np.uint64), *found])


def _classes(directory: str, column: str) -> npt.NDArray[np.uint64]:
    classes = _hashes(directory, [column])
    distinct = len(np.unique(classes))
    if distinct > MOST_CLASSES:
        raise InputError(
            "column",
            column,
            f"at most {MOST_CLASSES} different values, found {distinct}",
            "Stratify by a column of classes.",
        )
    return classes


def _order(directory: str, column: str) -> npt.NDArray[Any]:
    import pyarrow.types as types

    kind = read_schema(directory).field(column).type
    if not (types.is_timestamp(kind) or types.is_date(kind) or types.is_integer(kind) or types.is_floating(kind)):
        raise InputError(
            "column", column, f"times, dates or numbers, found {kind}", "Give collect this column as time_column."
        )
    found = []
    for batch in read_batches(directory, [column]):
        values = batch.column(0).to_numpy(zero_copy_only=False)
        if batch.column(0).null_count or (values.dtype.kind == "f" and np.isnan(values).any()):
            raise InputError("column", column, "a value in every row", "Leave out the rows that have none.")
        found.append(values)
    return np.concatenate(found) if found else np.empty(0)


def _write(table: Artifact, side: Artifact, keep: npt.NDArray[np.bool_]) -> None:
    former = read_info(table.path)
    schema = read_schema(table.path)
    info = write_table(_kept(table.path, keep), schema, side.path, window=former.window, source=former.source)
    side.metadata.update(info.to_metadata())


def _kept(directory: str, keep: npt.NDArray[np.bool_]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    start = 0
    for batch in read_batches(directory):
        yield batch.filter(pa.array(keep[start : start + batch.num_rows]))
        start += batch.num_rows
