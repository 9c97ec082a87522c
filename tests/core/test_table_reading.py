"""What a reader of a table gets, and what it is refused."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.table import read_batches, read_frame, read_info, table_digest, write_table


@pytest.fixture
def table(tmp_path):
    content = pa.table(
        {
            "a": [1, 2, None],
            "b": ["x", None, "z"],
            "day": pa.array([0, 1, 2], pa.date32()),
            "at": pa.array([1, 2, 3], pa.timestamp("us")),
        }
    )
    write_table(content.to_batches(), content.schema, tmp_path / "table")
    return tmp_path / "table"


def test_columns_come_in_the_order_in_which_they_are_named(table):
    (batch,) = read_batches(table, ["b", "a"])
    assert batch.to_pydict() == {"b": ["x", None, "z"], "a": [1, 2, None]}


def test_a_frame_has_times_in_utc_and_dates_as_times(table):
    frame = read_frame(table)
    assert list(frame.columns) == ["a", "b", "day", "at"]
    assert str(frame["at"].dtype) == "datetime64[us, UTC]"
    assert frame["day"].tolist() == list(pd.to_datetime(["1970-01-01", "1970-01-02", "1970-01-03"]))
    assert read_frame(table, ["at"]).columns.tolist() == ["at"]


def test_an_unknown_column_is_refused_with_the_nearest_names(table):
    with pytest.raises(InputError, match=r"columns='dai'.*Did you mean one of: day"):
        read_batches(table, ["dai"])


def test_a_folder_without_a_description_is_no_table(table):
    (table / "schema.json").unlink()
    for read in (read_batches, read_frame, read_info, table_digest):
        with pytest.raises(InputError, match=r"schema\.json and Parquet parts"):
            read(table)


@pytest.mark.parametrize("harm", ["missing", "cut short"])
def test_a_part_that_is_not_whole_is_named(table, harm):
    part = table / "part-00000.parquet"
    content = part.read_bytes()
    part.unlink()
    if harm == "cut short":
        part.write_bytes(content[:-1])
    with pytest.raises(InputError, match=r"part-00000\.parquet.*not whole"):
        read_batches(table)


def test_a_changed_byte_changes_the_digest(table):
    part = table / "part-00000.parquet"
    content = bytearray(part.read_bytes())
    content[10] ^= 1
    part.write_bytes(content)
    assert table_digest(table) != read_info(table).digest


def test_a_table_of_a_later_format_is_refused(table):
    described = (table / "schema.json").read_text()
    (table / "schema.json").write_text(described.replace('"format":1', '"format":2'))
    with pytest.raises(InputError, match="table format 1"):
        read_info(table)
