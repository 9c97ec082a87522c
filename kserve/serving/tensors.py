"""Tensors of an Open Inference request, read as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import prod
from typing import Any

from kfp_lifecycle.serving.column_names import refuse_other_names
from kfp_lifecycle.serving.refusal import BAD_VALUES, Refusal, shown
from kfp_lifecycle.serving.rows import Rows

_INTEGERS = frozenset(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
_FLOATS = frozenset({"FP16", "FP32", "FP64", "BF16"})
DATATYPES = _INTEGERS | _FLOATS | {"BOOL", "BYTES"}
# Which datatypes may carry a column of each type; the values are checked after that.
_CARRIES = {
    "number": _INTEGERS | _FLOATS,
    "integer": _INTEGERS | _FLOATS,
    "boolean": frozenset({"BOOL"}),
    "category": frozenset({"BYTES"}),
}
# How our own metadata announces each type.
DATATYPE_OF = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "category": "BYTES"}


def _flat(data: list[Any], shape: list[int], name: str) -> list[Any]:
    """The data in row-major order, whether it came flat or nested as the shape says."""
    if len(data) == prod(shape) and list not in set(map(type, data)):
        return data
    if not data or list not in set(map(type, data)):
        raise Refusal(f"tensor {shown(name)}: {len(data)} values do not fill the shape {shown(shape)}")
    flat, expected = data, shape[0]
    for length in shape[1:]:
        if len(flat) != expected or any(type(part) is not list or len(part) != length for part in flat):
            raise Refusal(f"tensor {shown(name)}: its nested lists do not have the shape {shown(shape)}")
        flat, expected = list(chain.from_iterable(flat)), expected * length
    if list in set(map(type, flat)):
        raise Refusal(f"tensor {shown(name)}: its lists are nested deeper than the shape {shown(shape)}")
    return flat


def _header(tensor: Any, position: int) -> tuple[str, list[int], str, list[Any]]:
    """Name, shape, datatype and data of a tensor, each of the type that the protocol gives it."""
    if type(tensor) is not dict:
        raise Refusal(f"inputs[{position}] is {shown(tensor)}: expected an object")
    name = tensor.get("name")
    if type(name) is not str:
        raise Refusal(f'inputs[{position}]: "name" is {shown(name)}: expected a string')
    shape = tensor.get("shape")
    if type(shape) is not list or not all(type(length) is int and length >= 0 for length in shape):
        raise Refusal(f'tensor {shown(name)}: "shape" is {shown(shape)}: expected a list of lengths')
    datatype = tensor.get("datatype")
    if type(datatype) is not str or datatype not in DATATYPES:
        raise Refusal(f'tensor {shown(name)}: "datatype" is {shown(datatype)}: expected one of the protocol\'s')
    data = tensor.get("data")
    if type(data) is not list:
        raise Refusal(f'tensor {shown(name)}: "data" is {shown(data)}: expected a list')
    return name, shape, datatype, data


def _refuse_datatype(column: str, kind: str, datatype: str) -> None:
    if datatype not in _CARRIES[kind]:
        raise Refusal(
            f"column {column!r}: datatype {datatype} cannot hold a {kind}, expected {DATATYPE_OF[kind]}", BAD_VALUES
        )


def _from_matrix(
    name: str, shape: list[int], datatype: str, data: list[Any], types: Mapping[str, str], checked: bool
) -> Rows:
    """One tensor with a row per row and a column per column of the signature, in its order."""
    count, width = shape
    if width != len(types):
        raise Refusal(
            f"tensor {shown(name)} has {width} columns: the model takes {len(types)}, from {next(iter(types))!r} on",
            BAD_VALUES,
        )
    if checked:
        for column, kind in types.items():
            _refuse_datatype(column, kind, datatype)
    flat = _flat(data, shape, name)
    return Rows(count, [flat[start::width] for start in range(width)])


def read_tensors(inputs: list[Any], types: Mapping[str, str], checked: bool = True) -> Rows:
    """The rows that the tensors hold.

    A request has one tensor per column, of shape [rows] or [rows, 1] and named after it; or, where one datatype
    suits every column, a single tensor of shape [rows, columns] of any other name.

    Args:
        inputs: the request's ``inputs``.
        types: the signature: the type of each column, in its order.
        checked: whether datatypes are compared with the signature.

    Raises:
        Refusal: 400 for tensors that are not of the protocol or of unequal length, 422 for other columns or
            datatypes than the model's.
    """
    headers = [_header(tensor, position) for position, tensor in enumerate(inputs)]
    name, shape, datatype, data = headers[0]
    if len(headers) == 1 and len(shape) == 2 and not (name in types and shape[1] == 1):
        rows = _from_matrix(name, shape, datatype, data, types, checked)
    else:
        rows = _from_columns(headers, types, checked)
    if rows.count == 0:
        raise Refusal("the tensors hold no row: expected at least one")
    return rows


def _from_columns(
    headers: Sequence[tuple[str, list[int], str, list[Any]]], types: Mapping[str, str], checked: bool
) -> Rows:
    by_name = {header[0]: header for header in headers}
    if by_name.keys() != types.keys() or len(by_name) != len(headers):
        refuse_other_names(by_name, list(types))
        raise Refusal(f"{len(headers)} tensors for {len(by_name)} names: each name may stand once")
    count, first = headers[0][1][0] if headers[0][1] else 0, headers[0][0]
    columns = []
    for column, kind in types.items():
        _, shape, datatype, data = by_name[column]
        if not shape or len(shape) > 2 or (len(shape) == 2 and shape[1] != 1):
            raise Refusal(f"column {column!r}: shape {shown(shape)}, expected [rows] or [rows, 1]")
        if shape[0] != count:
            raise Refusal(f"column {column!r} has {shape[0]} rows, but column {first!r} has {count}")
        if checked:
            _refuse_datatype(column, kind, datatype)
        columns.append(_flat(data, shape, column))
    return Rows(count, columns)
