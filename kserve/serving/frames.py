"""Rows of a request as the DataFrame that the fitted pipeline takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kfp_lifecycle.serving.rows import Rows

if TYPE_CHECKING:
    from kfp_lifecycle.core.model import Column, Signature


def _dtype(column: Column) -> type:
    """The dtype that the column had when the model was trained on a table read from Parquet."""
    if column.type == "number" or (column.type == "integer" and column.nullable):
        return np.float64
    if column.type == "integer":
        return np.int64
    if column.type == "boolean" and not column.nullable:
        return np.bool_
    return object


class FrameMaker:
    """Builds frames for one signature; what depends on the signature alone is worked out once."""

    def __init__(self, signature: Signature) -> None:
        self._columns = pd.Index([column.name for column in signature.columns], dtype=object)
        self._dtypes = [_dtype(column) for column in signature.columns]

    def frame(self, rows: Rows) -> pd.DataFrame:
        """The rows as a frame with the signature's column names, order and dtypes.

        Raises:
            ValueError, TypeError, OverflowError: a value does not convert; only possible for unchecked rows.
        """
        arrays: dict[int, np.ndarray[Any, Any]] = {
            position: np.array(values, dtype=dtype)
            for position, (values, dtype) in enumerate(zip(rows.columns, self._dtypes, strict=True))
        }
        frame = pd.DataFrame(arrays, copy=False)
        frame.columns = self._columns
        return frame
