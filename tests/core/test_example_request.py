"""The model's own example as a request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kfp_lifecycle.core.example_request import example_request
from kfp_lifecycle.core.signature import Column, Signature, save_signature

COLUMNS = (
    Column("distance", "number", True),
    Column("hour", "integer", False),
    Column("holiday", "boolean", False),
    Column("carrier", "category", True),
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_signature(Signature("classification", "late", (0, 1), COLUMNS, "sklearn.dummy.DummyClassifier"), tmp_path)
    return tmp_path


def write(model: Path, content: object) -> None:
    (model / "input_example.json").write_text(json.dumps(content))


def test_the_row_with_the_fewest_missing_values_is_sent_column_by_column(model):
    rows = [[None, 3, True, "UA"], [120.5, 4, False, "AA"], [1.0, 5, True, None]]
    write(model, {"columns": ["distance", "hour", "holiday", "carrier"], "data": rows})
    assert example_request(model)["inputs"] == [
        {"name": "distance", "shape": [1], "datatype": "FP64", "data": [120.5]},
        {"name": "hour", "shape": [1], "datatype": "INT64", "data": [4]},
        {"name": "holiday", "shape": [1], "datatype": "BOOL", "data": [False]},
        {"name": "carrier", "shape": [1], "datatype": "BYTES", "data": ["AA"]},
    ]


def test_the_signatures_order_counts_not_the_examples(model):
    write(model, {"columns": ["carrier", "holiday", "hour", "distance", "unused"], "data": [["AA", True, 1, 2.0, 9]]})
    assert [each["data"] for each in example_request(model)["inputs"]] == [[2.0], [1], [True], ["AA"]]


@pytest.mark.parametrize(
    "content", [{}, {"columns": ["distance"], "data": [[1]]}, {"columns": [], "data": []}, [], None]
)
def test_an_example_that_cannot_be_sent_is_named(model, content):
    write(model, content)
    with pytest.raises(ValueError, match="input_example.json cannot be sent as a request"):
        example_request(model)


def test_a_missing_example_is_named(model):
    with pytest.raises(ValueError, match="input_example.json cannot be sent.*FileNotFoundError"):
        example_request(model)
