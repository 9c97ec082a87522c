"""Rows that a client sent again under the same request id: which of them counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.core.logged_rows import ARRIVAL_TIME, REQUEST_ID, ROW, STATUS
from kfp_lifecycle.core.rows import row_hashes

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    Read = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]

KEYS = (REQUEST_ID, ROW, STATUS, ARRIVAL_TIME)
_OK = 200


def superseded(read: Read) -> npt.NDArray[np.int64]:
    """The places of the rows, counted over the whole stream, of which a better one is there.

    Of the rows with one id and row number the last to arrive of those with status 200 counts, or the last of all where
    none has it. Rows without an id are all kept. Memory takes 16 bytes a row, and more only for repeated ones.

    Args:
        read: streams the named columns; always the same rows in the same order. It is called twice where an id is
            repeated.
    """
    repeated = _repeated(_hashes(batch) for batch in read((REQUEST_ID, ROW)))
    if not len(repeated):
        return np.empty(0, np.int64)
    best: dict[tuple[str, int | None], tuple[bool, int, int]] = {}
    candidates: list[npt.NDArray[np.int64]] = []
    start = 0
    for batch in read(KEYS):
        places = np.flatnonzero(np.isin(row_hashes(batch, (REQUEST_ID, ROW)), repeated))
        chosen = batch.take(places)
        arrivals = chosen[ARRIVAL_TIME].cast("int64").to_pylist()
        for place, row, arrival in zip((places + start).tolist(), chosen.to_pylist(), arrivals, strict=True):
            key = (row[REQUEST_ID], row[ROW])
            rank = (row[STATUS] == _OK, arrival if arrival is not None else -(2**63), place)
            best[key] = max(best.get(key, rank), rank)
        candidates.append((places + start).astype(np.int64))
        start += batch.num_rows
    kept = np.array([place for *_, place in best.values()], np.int64)
    return np.setdiff1d(np.concatenate(candidates), kept)


def without(batches: Iterator[pa.RecordBatch], places: npt.NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
    """The rows of a stream but those at ``places``, which are sorted."""
    start = 0
    for batch in batches:
        end = start + batch.num_rows
        gone = places[np.searchsorted(places, start) : np.searchsorted(places, end)] - start
        if len(gone):
            batch = batch.take(np.delete(np.arange(batch.num_rows), gone))
        if batch.num_rows:
            yield batch
        start = end


def _hashes(batch: pa.RecordBatch) -> npt.NDArray[np.uint64]:
    """Of the rows that have an id."""
    present = batch[REQUEST_ID].is_valid().to_numpy(zero_copy_only=False)
    hashes: npt.NDArray[np.uint64] = row_hashes(batch, (REQUEST_ID, ROW))[present]
    return hashes


def _repeated(parts: Iterator[npt.NDArray[np.uint64]]) -> npt.NDArray[np.uint64]:
    hashes = np.concatenate([np.empty(0, np.uint64), *parts])
    hashes.sort()
    twice: npt.NDArray[np.uint64] = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    return twice
