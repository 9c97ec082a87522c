"""A row of a table as an Open Inference (V2) request, a tensor per column of the model's signature."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.core.signature import Signature

_DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "category": "BYTES"}


def row_request(signature: Signature, row: Mapping[str, Any]) -> dict[str, Any]:
    """The request that asks for one prediction.

    Args:
        row: a value for each column of the signature, as JSON or Arrow gives it; further columns are left out.

    Raises:
        KeyError: a column is missing.
        ValueError: a value is none of its column's type.
    """
    return {
        "parameters": {"content_type": "pd"},
        "inputs": [
            {
                "name": column.name,
                "shape": [1],
                "datatype": _DATATYPES[column.type],
                "data": [_value(column.type, row[column.name])],
            }
            for column in signature.columns
        ],
    }


def _value(kind: str, value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if kind == "category":
        return str(value)
    if kind == "boolean":
        return bool(value)
    return int(value) if kind == "integer" else float(value)
