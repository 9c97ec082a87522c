"""The frame that a model takes, made from the rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.core.columns import unknown_column
from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from kfp_lifecycle.core.signature import Column, Signature

_NUMERIC = {"floating", "integer", "mixed-integer-float", "boolean", "decimal", "empty"}


def model_inputs(frame: pd.DataFrame, signature: Signature) -> pd.DataFrame:
    """The model's columns in the signature's order, in the types with which it was trained.

    Numbers, integers and booleans become 64-bit floats with NaN for missing; categories become text or NaN.

    Raises:
        InputError: a column is absent, or holds values of another type.
    """
    import pandas as pd

    return pd.DataFrame({column.name: input_values(frame, column) for column in signature.columns}, index=frame.index)


def input_values(frame: pd.DataFrame, column: Column) -> npt.NDArray[Any]:
    """The values of one input, as ``model_inputs`` gives them."""
    if column.name not in frame.columns:
        raise unknown_column("columns", column.name, [str(name) for name in frame.columns], "the table")
    values = frame[column.name]
    return _texts(values, column) if column.type == "category" else _floats(values, column)


def _floats(values: pd.Series, column: Column) -> npt.NDArray[np.float64]:
    from pandas.api.types import infer_dtype, is_bool_dtype, is_numeric_dtype

    if not (is_numeric_dtype(values.dtype) or is_bool_dtype(values.dtype)):
        found = infer_dtype(values, skipna=True)
        if found not in _NUMERIC:
            raise _other_type(column, found)
    # pandas' nullable types and objects with None both need their missing values named.
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _texts(values: pd.Series, column: Column) -> npt.NDArray[Any]:
    objects = values.astype(object)
    present = objects.notna()
    for value in objects[present].unique():
        if not isinstance(value, str):
            raise _other_type(column, type(value).__name__)
    return objects.where(present, np.nan).to_numpy(dtype=object)


def _other_type(column: Column, found: str) -> InputError:
    return InputError(
        column.name, found, f"values of type {column.type}", "Give the table the type that the model was trained on."
    )
