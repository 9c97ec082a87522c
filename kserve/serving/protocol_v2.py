"""The Open Inference Protocol (V2): tensors in, tensors out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.serving.predictions import LABELS, PROBABILITIES, Predictions
from kfp_lifecycle.serving.refusal import Refusal, shown
from kfp_lifecycle.serving.rows import Rows
from kfp_lifecycle.serving.tensors import read_tensors

_DATATYPE_OF_VALUE = {bool: "BOOL", int: "INT64", float: "FP64", str: "BYTES"}


def read_v2(document: Any, types: Mapping[str, str], checked: bool = True) -> Rows:
    """The rows of a V2 request.

    Args:
        document: the body as decoded from JSON.
        types: the signature: the type of each column, in its order.
        checked: whether datatypes are compared with the signature.

    Raises:
        Refusal: 400 for a body that is not of the protocol, 422 for columns that are not the model's.
    """
    if type(document) is not dict:
        raise Refusal('the body is not a JSON object: expected {"inputs": [...]}')
    inputs = document.get("inputs")
    if type(inputs) is not list:
        raise Refusal(f'"inputs" is {shown(inputs)}: expected a list of tensors')
    if not inputs:
        raise Refusal('"inputs" is empty: expected at least one tensor')
    return read_tensors(inputs, types, checked)


def wanted_outputs(document: dict[str, Any], available: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
    """The output tensors that a request names, or the server's own choice when it names none.

    Raises:
        Refusal: 400 for an output that the model does not have.
    """
    outputs = document.get("outputs")
    if not outputs and (outputs is None or type(outputs) is list):
        return default
    if type(outputs) is not list:
        raise Refusal(f'"outputs" is {shown(outputs)}: expected a list')
    names = []
    for position, output in enumerate(outputs):
        name = output.get("name") if type(output) is dict else None
        if type(name) is not str or name not in available:
            raise Refusal(f"outputs[{position}] is {shown(output)}: the model gives {', '.join(available)}")
        names.append(name)
    return tuple(dict.fromkeys(names))


def request_id(document: dict[str, Any]) -> str | None:
    """The id in the request's body; None without one.

    Raises:
        Refusal: 400 for an id that is no string.
    """
    given = document.get("id")
    if given is not None and type(given) is not str:
        raise Refusal(f'"id" is {shown(given)}: expected a string')
    return given


def label_datatype(values: list[Any]) -> str:
    """The protocol's datatype for labels; a class of another type travels as its text."""
    return _DATATYPE_OF_VALUE.get(type(values[0]), "BYTES") if values else "BYTES"


def write_v2(
    predictions: Predictions, parts: tuple[str, ...], model_name: str, model_version: str, identifier: str
) -> dict[str, Any]:
    """The V2 answer: tensor ``predict`` of shape [rows], tensor ``predict_proba`` of shape [rows, classes].

    The classes stand in the second tensor's parameter ``classes``, as a JSON list in a string, because a
    parameter of the protocol is a scalar.
    """
    outputs: list[dict[str, Any]] = []
    for part in parts:
        if part == LABELS:
            values = predictions.label_values()
            outputs.append(
                {
                    "name": LABELS,
                    "shape": [predictions.count],
                    "datatype": label_datatype(values),
                    "data": values,
                }
            )
        elif predictions.probabilities is not None:
            matrix = predictions.probabilities
            outputs.append(
                {
                    "name": PROBABILITIES,
                    "shape": [predictions.count, int(matrix.shape[1])],
                    "datatype": "FP64",
                    "parameters": {"classes": json.dumps(predictions.classes)},
                    "data": matrix.ravel().tolist(),
                }
            )
    return {"model_name": model_name, "model_version": model_version, "id": identifier, "outputs": outputs}
