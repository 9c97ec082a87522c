from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kfp_lifecycle.serving.predictions import LABELS, PROBABILITIES, Predictions
from kfp_lifecycle.serving.protocol_v2 import read_v2, request_id, wanted_outputs, write_v2
from kfp_lifecycle.serving.refusal import Refusal

TYPES = {"a": "number", "b": "category"}
NUMBERS = {"x": "number", "y": "integer"}


def tensor(name: Any = "a", shape: Any = (2,), datatype: Any = "FP64", data: Any = (1.0, 2.0)) -> dict[str, Any]:
    return {
        "name": name,
        "shape": list(shape) if isinstance(shape, tuple) else shape,
        "datatype": datatype,
        "data": list(data) if isinstance(data, tuple) else data,
    }


def texts(data: Any = ("s", "t"), **parts: Any) -> dict[str, Any]:
    return tensor(**{"name": "b", "datatype": "BYTES", "data": data, **parts})


def columns(inputs: list[Any], types: dict[str, str] = TYPES) -> list[list[Any]]:
    return [list(values) for values in read_v2({"inputs": inputs}, types).columns]


def test_tensors_are_matched_by_name_in_the_order_of_the_signature() -> None:
    assert columns([texts(), tensor()]) == [[1.0, 2.0], ["s", "t"]]


def test_a_column_may_have_a_second_dimension_of_one_flat_or_nested() -> None:
    assert columns([tensor(shape=(2, 1)), texts([["s"], ["t"]], shape=(2, 1))]) == [[1.0, 2.0], ["s", "t"]]


def test_one_matrix_may_hold_every_column_flat_or_nested() -> None:
    assert columns([tensor("input-0", (2, 2), "FP32", (1.5, 2, 3.5, 4))], NUMBERS) == [[1.5, 3.5], [2, 4]]
    assert columns([tensor("x", (2, 2), "FP32", [[1.5, 2], [3.5, 4]])], NUMBERS) == [[1.5, 3.5], [2, 4]]


@pytest.mark.parametrize(
    ("inputs", "status", "told"),
    [
        (None, 400, '"inputs" is None'),
        ({}, 400, '"inputs" is {}'),
        ([], 400, "empty"),
        ([1], 400, "inputs[0] is 1"),
        ([tensor(name=None)], 400, '"name"'),
        ([tensor(shape=None)], 400, '"shape"'),
        ([tensor(shape=[True])], 400, '"shape"'),
        ([tensor(shape=[-2])], 400, '"shape"'),
        ([tensor(shape=[2.0])], 400, '"shape"'),
        ([tensor(datatype="FLOAT")], 400, "'FLOAT'"),
        ([tensor(datatype=["FP64"])], 400, '"datatype"'),
        ([tensor(data=None)], 400, '"data"'),
        ([tensor()], 422, "missing column 'b'"),
        ([tensor(), texts(), texts(name="c")], 422, "unknown column 'c'"),
        ([tensor(), texts(), texts()], 400, "may stand once"),
        ([tensor(), texts(["s"], shape=[1])], 400, "column 'b' has 1 rows, but column 'a' has 2"),
        ([tensor(shape=[3], data=[1, 2, 3]), texts()], 400, "column 'b' has 2 rows, but column 'a' has 3"),
        ([tensor(data=[1.0]), texts()], 400, "1 values do not fill the shape [2]"),
        ([tensor(data=[[1.0], [2.0, 3.0]], shape=[2, 1]), texts()], 400, "nested lists"),
        ([tensor(data=[[[1.0]], [[2.0]]], shape=[2, 1]), texts()], 400, "nested deeper"),
        ([tensor(data=[[1.0], 2.0], shape=[2, 1]), texts()], 400, "nested lists"),
        ([tensor(shape=[2, 1, 1]), texts()], 400, "column 'a': shape"),
        ([tensor(shape=[]), texts()], 400, "column 'a': shape"),
        ([tensor(shape=[0], data=[]), texts([], shape=[0])], 400, "no row"),
        ([tensor(datatype="BYTES"), texts()], 422, "column 'a': datatype BYTES cannot hold a number"),
        ([tensor(), texts(datatype="INT64")], 422, "column 'b': datatype INT64 cannot hold a category"),
        ([tensor("input-0", (2, 3), data=(1, 2, 3, 4, 5, 6))], 422, "has 3 columns"),
        ([tensor("input-0", (1, 2), "FP64", (1, 2))], 422, "column 'b': datatype FP64"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(inputs: Any, status: int, told: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_v2({"inputs": inputs}, TYPES)
    assert refused.value.status == status
    assert told in refused.value.message


def test_a_request_names_its_outputs_in_its_own_order() -> None:
    both = (LABELS, PROBABILITIES)
    assert wanted_outputs({}, both, (LABELS,)) == (LABELS,)
    assert wanted_outputs({"outputs": []}, both, (LABELS,)) == (LABELS,)
    assert wanted_outputs({"outputs": [{"name": PROBABILITIES}, {"name": LABELS}]}, both, (LABELS,)) == both[::-1]


@pytest.mark.parametrize("outputs", [[{"name": PROBABILITIES}], [{}], [1], {"name": LABELS}, "predict", [{"name": []}]])
def test_an_output_that_the_model_does_not_have_is_refused(outputs: Any) -> None:
    with pytest.raises(Refusal, match="outputs"):
        wanted_outputs({"outputs": outputs}, (LABELS,), (LABELS,))


def test_an_id_is_taken_or_refused() -> None:
    assert request_id({"id": "42"}) == "42"
    assert request_id({}) is None
    with pytest.raises(Refusal, match='"id"'):
        request_id({"id": 42})


@pytest.mark.parametrize(
    ("labels", "datatype"), [([1, 0], "INT64"), (["a", "b"], "BYTES"), ([True, False], "BOOL"), ([0.5, 1.5], "FP64")]
)
def test_an_answer_carries_flat_tensors_with_their_shapes(labels: list[Any], datatype: str) -> None:
    predictions = Predictions(2, np.array(labels), np.array([[0.9, 0.1], [0.2, 0.8]]), ["no", "yes"])
    answer = write_v2(predictions, (PROBABILITIES, LABELS), "flights", "3", "42")
    assert answer == {
        "model_name": "flights",
        "model_version": "3",
        "id": "42",
        "outputs": [
            {
                "name": PROBABILITIES,
                "shape": [2, 2],
                "datatype": "FP64",
                "parameters": {"classes": '["no", "yes"]'},
                "data": [0.9, 0.1, 0.2, 0.8],
            },
            {"name": LABELS, "shape": [2], "datatype": datatype, "data": labels},
        ],
    }
