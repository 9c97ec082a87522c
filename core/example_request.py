"""The model's own example as an Open Inference (V2) request, to see whether a server answers at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kfp_lifecycle.core.row_request import row_request
from kfp_lifecycle.core.signature import load_signature

EXAMPLE_FILE = "input_example.json"


def example_request(directory: str | Path) -> dict[str, Any]:
    """One row of the model's input example, a tensor per column of its signature.

    The row with the fewest missing values is taken: a server may refuse a missing value in a column that had none in
    training, and that would say nothing about the server.

    Raises:
        ValueError: the model directory has no usable example.
    """
    signature = load_signature(directory)
    path = Path(directory) / EXAMPLE_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = [dict(zip(content["columns"], row, strict=True)) for row in content["data"]]
        row = min(rows, key=lambda each: sum(value is None for value in each.values()))
        return row_request(signature, row)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{EXAMPLE_FILE} cannot be sent as a request ({type(error).__name__}: {error})") from error
