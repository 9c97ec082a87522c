"""The request a model has to answer before the server calls itself ready."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kfp_lifecycle.serving.exchange import OK, Call, Exchange, Protocol

INPUT_EXAMPLE = "input_example.json"


def example_call(directory: Path) -> Call:
    """The model's own input example as a V1 request.

    Raises:
        ValueError: the file is missing or is not an input example.
    """
    path = directory / INPUT_EXAMPLE
    try:
        example: dict[str, Any] = json.loads(path.read_bytes())
        columns, data = example["columns"], example["data"]
        instances = [dict(zip(columns, row, strict=True)) for row in data]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{INPUT_EXAMPLE} cannot be read: {error}") from error
    return Call(Protocol.V1, json.dumps({"instances": instances}, allow_nan=False).encode())


def prove(exchange: Exchange, directory: Path) -> None:
    """Let the model answer its own input example.

    Raises:
        ValueError: it cannot.
    """
    (answer,) = exchange.answer([example_call(directory)])
    if answer.status != OK:
        raise ValueError(f"the model does not answer its own {INPUT_EXAMPLE}: {answer.body.decode()}")
