"""Rows of a table by their numbers."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_lifecycle.core import parts
from kfp_lifecycle.core.row_ranges import read_rows
from kfp_lifecycle.core.table import write_table

ROWS = 10_000
SCHEMA = pa.schema([("number", pa.int64()), ("name", pa.string())])


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Row groups of 2048 rows, two of them a part."""
    folder = tmp_path_factory.mktemp("tables") / "table"
    content = pa.table([list(range(ROWS)), [f"row {number}" for number in range(ROWS)]], schema=SCHEMA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "GROUP_ROWS", 2048)
        patch.setattr(parts, "PART_GROUPS", 2)
        write_table(content.to_batches(), SCHEMA, folder)
    return folder


def numbers(directory: Path, start: int, end: int) -> list[int]:
    return [number for batch in read_rows(directory, start, end) for number in batch.column(0).to_pylist()]


@settings(deadline=None)
@given(start=st.integers(0, ROWS + 10), length=st.integers(0, ROWS + 10))
def test_a_range_gives_its_rows_and_no_others(table: Path, start: int, length: int) -> None:
    assert numbers(table, start, start + length) == list(range(ROWS))[start : start + length]


def test_what_lies_before_and_after_is_not_read(table: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "table"
    damaged.mkdir()
    for path in table.iterdir():
        (damaged / path.name).write_bytes(path.read_bytes())
    for name, group in (("part-00000.parquet", 0), ("part-00001.parquet", 1)):
        with pq.ParquetFile(damaged / name) as file:
            start = file.metadata.row_group(group).column(0).dictionary_page_offset
        with (damaged / name).open("r+b") as file:
            file.seek(start)
            file.write(b"\xff" * 64)
    assert numbers(damaged, 2048, 6144) == list(range(2048, 6144))
    with pytest.raises(OSError, match="."):
        numbers(damaged, 2047, 6144)
    with pytest.raises(OSError, match="."):
        numbers(damaged, 2048, 6145)


def test_only_a_part_of_a_large_row_group_is_given_at_a_time(tmp_path: Path) -> None:
    many = pa.table({"number": list(range(150_000))})
    write_table(many.to_batches(), many.schema, tmp_path / "table")
    assert max(batch.num_rows for batch in read_rows(tmp_path / "table", 1, 149_999)) <= 1 << 16
