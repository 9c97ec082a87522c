"""What a schema says of a table, and that it survives being saved and edited."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_lifecycle.components.validation.measurement import MOST_CATEGORIES, measure
from kfp_lifecycle.components.validation.schema import ColumnSchema, TableSchema, Tolerances, infer
from kfp_lifecycle.core.errors import InputError


def inferred(frame: pd.DataFrame, label: str = "late", batch: int = 64) -> dict[str, ColumnSchema]:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    schema = infer(measure(table.to_batches(max_chunksize=batch), table.schema, label))
    assert TableSchema.from_json(schema.to_json(), "here") == schema
    return {column.name: column for column in schema.columns}


@pytest.fixture
def flights() -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "flight": np.arange(1000) + 7,
            "tail": [f"N{i}" for i in range(1000)],
            "carrier": random.choice(["AA", "UA"], 1000),
            "remark": [f"text {i % (MOST_CATEGORIES + 1)}" for i in range(1000)],
            "temperature": np.where(np.arange(1000) % 10 == 0, np.nan, np.linspace(30, -10.5, 1000)),
            "hour": np.arange(1000) % 24,
            "at": pd.date_range("2013-01-01", periods=1000, freq="h", tz="UTC"),
            "late": np.arange(1000) % 3 == 0,
        }
    )


def test_each_kind_of_column_gets_what_can_be_said_of_it(flights):
    columns = inferred(flights)
    assert columns["flight"] == ColumnSchema("flight", "number", unique=True)
    assert columns["tail"] == ColumnSchema("tail", "text", unique=True)
    assert columns["carrier"] == ColumnSchema("carrier", "text", categories=("AA", "UA"))
    assert columns["remark"] == ColumnSchema("remark", "text")
    assert columns["temperature"].missing_share == 0.1
    assert columns["temperature"].minimum == -10.5
    assert columns["hour"] == ColumnSchema("hour", "number", minimum=0, maximum=23)
    assert columns["at"] == ColumnSchema("at", "time")
    assert columns["late"] == ColumnSchema("late", "boolean")


def test_batches_do_not_change_a_schema(flights):
    assert inferred(flights, batch=1000) == inferred(flights, batch=7)


def test_few_rows_do_not_make_an_identifier(flights):
    assert not any(column.unique for column in inferred(flights.head(99)).values())
    assert inferred(flights.head(100))["flight"].unique


def test_numbers_that_differ_by_chance_are_no_identifier_and_keep_their_range(flights):
    distances = np.random.default_rng(1).permutation(1000) + 50
    column = inferred(flights.assign(distance=distances))["distance"]
    assert column == ColumnSchema("distance", "number", minimum=50, maximum=1049)


@pytest.mark.parametrize("repeat", ["in one batch", "across batches", "missing"])
def test_one_repeated_or_missing_value_makes_it_no_identifier(flights, repeat):
    flights["tail"] = flights["tail"].astype(object)
    at = {"in one batch": 1, "across batches": 999, "missing": 5}[repeat]
    flights.loc[at, "tail"] = None if repeat == "missing" else "N0"
    assert not inferred(flights)["tail"].unique


def test_a_counter_has_no_range(flights):
    """Rows come in order of time, and a later table counts on."""
    counted = flights.assign(week=np.arange(1000) // 168)
    assert inferred(counted)["week"] == ColumnSchema("week", "number")
    counted.loc[700, "week"] = 0
    assert inferred(counted)["week"].maximum == 5


def test_infinite_values_do_not_stretch_a_range(flights):
    highest = inferred(flights)["temperature"].maximum
    flights.loc[3, "temperature"] = np.inf
    assert inferred(flights)["temperature"].maximum == highest


def test_a_range_leaves_half_its_width_on_either_side():
    column = ColumnSchema("x", "number", minimum=10, maximum=20)
    assert column.bounds(Tolerances().range_slack) == (5, 25)
    assert ColumnSchema("x", "number", minimum=10, maximum=10).bounds(0.5) is None
    assert ColumnSchema("x", "number").bounds(0.5) is None


numbers = st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
columns = st.builds(
    ColumnSchema,
    name=st.text(min_size=1),
    kind=st.sampled_from(["number", "text", "time"]),
    missing_share=st.floats(0, 1),
    minimum=numbers,
    maximum=numbers,
    categories=st.none() | st.lists(st.text()).map(tuple),
    unique=st.booleans(),
)


@given(columns=st.lists(columns, max_size=4), share=st.floats(0, 1), slack=st.floats(0, 10))
@settings(max_examples=50)
def test_every_schema_survives_being_saved(columns, share, slack):
    schema = TableSchema(tuple(columns), share, Tolerances(range_slack=slack))
    assert TableSchema.from_json(schema.to_json(), "here") == schema


def test_a_saved_schema_can_be_edited_by_hand():
    content = json.loads(TableSchema((ColumnSchema("x", "number", minimum=0, maximum=1),)).to_json())
    content["columns"][0]["maximum"] = 5
    content["tolerances"]["missing_share"] = 0.5
    edited = TableSchema.from_json(json.dumps(content).encode(), "here")
    assert edited.columns[0].maximum == 5
    assert edited.tolerances.missing_share == 0.5


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"columns": [{"name": "x"}]},
        {"columns": [{"name": "x", "kind": "number", "colour": "red"}]},
        {"columns": [{"name": "x", "kind": "number", "minimum": "low"}]},
        {"tolerances": {"luck": 1}},
    ],
)
def test_a_schema_that_cannot_be_read_is_named(change):
    content = {**json.loads(TableSchema(()).to_json()), **change}
    with pytest.raises(InputError, match=r"schema_uri='s3://b/schema\.json': expected a schema of format 1"):
        TableSchema.from_json(json.dumps(content).encode(), "s3://b/schema.json")


def test_a_file_that_is_no_schema_is_named():
    for content in (b"", b"not json", b"[]", b"{}"):
        with pytest.raises(InputError, match="Repair it, or remove it"):
            TableSchema.from_json(content, "here")
