"""Labels in memory, and the rows that they are joined to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.logged_rows import REQUEST_ID, ROW
from kfp_lifecycle.core.rows import row_hashes

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa


@dataclass(frozen=True)
class Labels:
    """One label a key.

    Attributes:
        keys: the columns of the rows by which a label is found.
        label: the label's column.
        table: the keys under the rows' names, and the label; each column in one piece.
        hashes: of the keys, ascending.
        places: of the hashes' labels in the table.
        without_key: labels left out because a key or the label itself is missing.
        later: labels left out because they came to be known too late.
    """

    keys: Sequence[str]
    label: str
    table: pa.Table
    hashes: npt.NDArray[np.uint64]
    places: npt.NDArray[np.int64]
    without_key: int = 0
    later: int = 0

    def of(self, batch: pa.RecordBatch) -> pa.Array:
        """The label of each row, null where there is none.

        Raises:
            InputError: the labels name requests without their rows, and a request has several.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = self.table.schema.field(self.label).type
        if not len(self.hashes) or not batch.num_rows:
            return pa.nulls(batch.num_rows, kind)
        wanted = row_hashes(batch, self.keys)
        nearest = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        taken = self.table.take(self.places[nearest]).combine_chunks().to_batches()[0]
        # Hashes may meet by chance; a wrong label would never be noticed.
        equal = pa.array(self.hashes[nearest] == wanted)
        for name in self.keys:
            equal = pc.and_(equal, pc.fill_null(pc.equal(batch[name], taken[name]), False))
        if list(self.keys) == [REQUEST_ID]:
            _require_single_rows(batch, equal)
        return pc.if_else(equal, taken[self.label], pa.scalar(None, kind))


def joined(batches: Iterator[pa.RecordBatch], labels: Labels, count: Counter[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a stream with their label as one more column; ``count`` gets how many are ``labelled``."""
    for batch in batches:
        found = labels.of(batch)
        count["labelled"] += len(found) - found.null_count
        yield batch.append_column(labels.label, found)


def _require_single_rows(batch: pa.RecordBatch, found: pa.Array) -> None:
    import pyarrow.compute as pc

    if ROW not in batch.schema.names:
        return
    further = pc.and_(found, pc.fill_null(pc.greater(batch[ROW], 0), False))
    if pc.any(further).as_py():
        raise InputError(
            "labels_id",
            [REQUEST_ID],
            "labels that name the row as well, as a request with a label holds several",
            "Add the column with the number of the row in its request, from 0 on.",
        )
