"""Rows of a request as the DataFrame that the fitted pipeline takes."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kfp_lifecycle.serving.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kfp_lifecycle.core.model import Signature


def _texts(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    return np.array([nan if value is None else value for value in values] if None in values else values, dtype=object)


class FrameMaker:
    """Builds frames for one signature: what ``core.inputs.model_inputs`` gives, from lists instead of a table."""

    def __init__(self, signature: Signature) -> None:
        self._columns = pd.Index([column.name for column in signature.columns], dtype=object)
        self._are_texts = [column.type == "category" for column in signature.columns]

    def frame(self, rows: Rows) -> pd.DataFrame:
        """The rows in the types of the training: numbers, integers and booleans as 64-bit floats, missing as NaN.

        Raises:
            ValueError, TypeError, OverflowError: a value does not convert; only possible for unchecked rows.
        """
        arrays = {
            position: _texts(values) if is_text else np.array(values, dtype=np.float64)
            for position, (values, is_text) in enumerate(zip(rows.columns, self._are_texts, strict=True))
        }
        frame = pd.DataFrame(arrays, copy=False)
        frame.columns = self._columns
        return frame
