"""The rows of one window, read from their table as often as needed, so that only a few columns are in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kfp_lifecycle.core.window import Window

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class WindowRows:
    """See the module.

    Attributes:
        window: of event time.
        rows: how many.
        schema: of the table, so that an absent column or a wrong type is known before anything is read.
        read: streams the named columns of the window's rows; called once for every few columns, and each call gives
            the same rows. ``functools.partial(core.table.read_batches, folder)`` is one for a whole table.
    """

    window: Window
    rows: int
    schema: pa.Schema
    read: Callable[[Sequence[str]], Iterable[pa.RecordBatch]]
