"""The rows of a prediction request: V1 ``{"instances": [...]}`` or Open Inference (V2) ``{"inputs": [...]}``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import Any

from kfp_lifecycle.components.collection.logs.values import (
    Malformed,
    NoPrediction,
    checked_text,
    checked_value,
    usable_id,
)
from kfp_lifecycle.core.errors import InputError

_FLOATS = {"FP16", "FP32", "FP64", "BF16"}


@dataclass(frozen=True)
class Asked:
    """What a request asked.

    Attributes:
        rows: how many predictions.
        columns: the values of each feature, one a row.
        id: the request's own id in V2, if the predictor would log it.
    """

    rows: int
    columns: dict[str, list[Any]]
    id: str | None = None


def read_request(document: Any, names: Sequence[str]) -> Asked:
    """The features by name.

    Args:
        document: the body as decoded from JSON.
        names: of the features, in order, for bodies that do not name them.

    Raises:
        NoPrediction: a body of something else.
        Malformed: values that are no rows.
        InputError: the body does not name its values, and there are no names.
    """
    if isinstance(document, dict) and isinstance(document.get("instances"), list):
        return _checked(_from_instances(document["instances"], names))
    if isinstance(document, dict) and isinstance(document.get("inputs"), list):
        return _checked(_from_tensors(document["inputs"], names, usable_id(document.get("id"))))
    raise NoPrediction("neither instances nor inputs")


def _checked(asked: Asked) -> Asked:
    for text in asked.columns:
        checked_text(text, text)
    return asked


def _from_instances(instances: list[Any], names: Sequence[str]) -> Asked:
    if instances and all(isinstance(row, dict) for row in instances):
        found = dict.fromkeys(chain.from_iterable(instances))
        columns = {name: [checked_value(row.get(name), name) for row in instances] for name in found}
    elif instances and all(isinstance(row, list) for row in instances):
        _require_names(names, len(instances[0]))
        if any(len(row) != len(names) for row in instances):
            raise Malformed(f"a row that has not {len(names)} values")
        columns = {name: [checked_value(row[at], name) for row in instances] for at, name in enumerate(names)}
    else:
        raise Malformed("instances that are neither objects nor lists of values")
    return Asked(len(instances), columns)


def _from_tensors(tensors: list[Any], names: Sequence[str], request_id: str | None) -> Asked:
    read = [read_tensor(tensor) for tensor in tensors]
    if not read:
        raise Malformed("inputs without a tensor")
    first = read[0]
    if len(read) == 1 and len(first.shape) == 2 and first.shape[1] > 1:
        width = first.shape[1]
        _require_names(names, width)
        if width != len(names):
            raise Malformed(f"a row that has not {len(names)} values")
        columns = {name: first.values[at::width] for at, name in enumerate(names)}
    else:
        columns = {tensor.name: tensor.values for tensor in read}
        if len(columns) < len(read) or any(len(tensor.values) != first.shape[0] for tensor in read):
            raise Malformed("tensors of one name, or of other lengths than their rows")
    if not first.shape[0]:
        raise Malformed("tensors without a row")
    return Asked(first.shape[0], columns, request_id)


@dataclass(frozen=True)
class Tensor:
    """A tensor of the protocol with its values in row-major order."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    values: list[Any]
    parameters: dict[str, Any]


def read_tensor(tensor: Any) -> Tensor:
    """A tensor of a V2 request or answer, whose data may be flat or nested.

    Raises:
        Malformed: it is none, or its data do not fill its shape.
    """
    if not isinstance(tensor, dict):
        raise Malformed("a tensor that is no object")
    name, shape, datatype, data = (tensor.get(key) for key in ("name", "shape", "datatype", "data"))
    if not isinstance(name, str) or not isinstance(datatype, str) or not isinstance(data, list):
        raise Malformed("a tensor without name, datatype or data")
    if not isinstance(shape, list) or not shape or any(type(length) is not int or length < 0 for length in shape):
        raise Malformed(f"tensor {name[:80]!r} without a shape")
    for _ in shape[1:]:
        if data and all(isinstance(part, list) for part in data):
            data = list(chain.from_iterable(data))
    if len(data) != prod(shape) or (len(shape) > 2 and prod(shape[1:]) != 1):
        raise Malformed(f"tensor {name[:80]!r}: {len(data)} values do not fill rows of shape {shape!r:.80}")
    values = [checked_value(value, name) for value in data]
    if datatype in _FLOATS:
        values = [float(value) if type(value) is int else value for value in values]
    parameters = tensor.get("parameters")
    return Tensor(name, tuple(shape), datatype, values, parameters if isinstance(parameters, dict) else {})


def _require_names(names: Sequence[str], width: int) -> None:
    if not names:
        raise InputError(
            "feature_names",
            list(names),
            f"the names of the features, as requests of this log give {width} values without names",
            "Name them in the order of the model's signature.",
        )
