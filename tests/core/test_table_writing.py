"""What a table promises about its bytes, and about a writer that dies."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_lifecycle.core import parts
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.table import (
    TableInfo,
    read_batches,
    read_frame,
    read_info,
    read_schema,
    table_digest,
    write_frame,
    write_table,
)

SCHEMA = pa.schema([("n", pa.int64()), ("x", pa.float64()), ("text", pa.string())])


def rows(count: int, start: int = 0) -> pa.Table:
    numbers = list(range(start, start + count))
    return pa.table(
        {
            "n": numbers,
            "x": [None if n % 7 == 0 else n / 3 for n in numbers],
            "text": [None if n % 5 == 0 else f"text {n % 11}" for n in numbers],
        },
        schema=SCHEMA,
    )


@given(cuts=st.lists(st.integers(1, 8999), max_size=6))
@settings(max_examples=25, deadline=None)
def test_equal_rows_give_equal_bytes_however_they_were_cut_into_batches(tmp_path_factory, cuts):
    table = rows(9000)
    edges = [0, *sorted(set(cuts)), 9000]
    pieces = [table.slice(a, b - a).to_batches()[0] for a, b in itertools.pairwise(edges)]
    with patch.multiple(parts, GROUP_ROWS=2048, PART_GROUPS=2):
        whole = write_table(table.to_batches(), table.schema, tmp_path_factory.mktemp("whole") / "table")
        cut = write_table(pieces, table.schema, tmp_path_factory.mktemp("cut") / "table")
    assert cut == whole


def test_a_second_process_writes_the_same_bytes(tmp_path):
    here = write_table(rows(500).to_batches(), SCHEMA, tmp_path / "here")
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from test_table_writing import rows, SCHEMA\n"
        "from kfp_lifecycle.core.table import write_table\n"
        "print(write_table(rows(500).to_batches(), SCHEMA, sys.argv[1]).digest)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "there"), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == here.digest


def test_the_source_encoding_of_a_column_does_not_change_the_digest(tmp_path):
    at = pa.array([1000, 2000, 3000, 4000], pa.timestamp("ms", "UTC"))
    plain = pa.table({"text": ["a", "b", None, "a"], "at": at})
    other = pa.table(
        {
            "text": plain["text"].cast(pa.large_string()).dictionary_encode(),
            "at": pa.array([1, 2, 3, 4], pa.timestamp("s")),
        }
    ).replace_schema_metadata({"pandas": "{}"})
    first = write_table(plain.to_batches(), plain.schema, tmp_path / "first")
    second = write_table(other.to_batches(), other.schema, tmp_path / "second")
    assert first == second


@pytest.mark.parametrize("change", ["value", "order", "name", "type", "missing row"])
def test_the_digest_tells_tables_apart(tmp_path, change):
    table = pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    other = {
        "value": pa.table({"a": [1, 2, 4], "b": ["x", "y", "z"]}),
        "order": table.take([1, 0, 2]),
        "name": table.rename_columns(["a", "c"]),
        "type": pa.table({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "z"]}),
        "missing row": table.slice(1),
    }[change]
    first = write_table(table.to_batches(), table.schema, tmp_path / "first")
    second = write_table(other.to_batches(), other.schema, tmp_path / "second")
    assert first.digest != second.digest


def test_no_library_version_stands_in_the_parts(tmp_path):
    write_table(rows(10).to_batches(), SCHEMA, tmp_path / "table")
    part = tmp_path / "table" / "part-00000.parquet"
    assert pq.read_metadata(part).created_by == "kfp-lifecycle 1"
    assert pa.__version__.encode() not in part.read_bytes()
    # Row-group statistics are what a pushed-down window needs, and readers ignore those of writers they distrust.
    assert pq.read_metadata(part).row_group(0).column(0).statistics.max == 9


def test_a_column_that_spells_the_name_of_the_library_survives(tmp_path):
    name = "parquet-cpp-arrow version " + pa.__version__
    table = pa.table({name: [name, name]})
    write_table(table.to_batches(), table.schema, tmp_path / "table")
    assert pa.Table.from_batches(read_batches(tmp_path / "table")) == table


def test_row_groups_and_parts_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "GROUP_ROWS", 2048)
    monkeypatch.setattr(parts, "PART_GROUPS", 2)
    info = write_table(rows(10_000).to_batches(), SCHEMA, tmp_path / "table")
    files = sorted(path.name for path in (tmp_path / "table").glob("*.parquet"))
    assert files == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    groups = [pq.read_metadata(tmp_path / "table" / name) for name in files]
    assert [[m.row_group(i).num_rows for i in range(m.num_row_groups)] for m in groups] == [
        [2048, 2048],
        [2048, 2048],
        [1808],
    ]
    assert info.rows == 10_000
    assert table_digest(tmp_path / "table") == info.digest
    assert pa.Table.from_batches(read_batches(tmp_path / "table")) == rows(10_000)


def test_long_texts_end_a_row_group_early(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "GROUP_BYTES", 1 << 20)
    table = pa.table({"text": ["x" * 1000] * 5000})
    write_table(table.to_batches(), table.schema, tmp_path / "table")
    metadata = pq.read_metadata(tmp_path / "table" / "part-00000.parquet")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [2048, 2048, 904]


def test_long_texts_give_equal_bytes_however_they_were_cut(tmp_path):
    """A column of them has many pages, whose edges must not follow the edges of batches."""
    table = pa.table({"text": [f"{n}" * 700 for n in range(4000)]})
    whole = write_table(table.to_batches(), table.schema, tmp_path / "whole")
    cut = write_table(table.to_batches(max_chunksize=333), table.schema, tmp_path / "cut")
    assert cut == whole


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    info = write_table([], SCHEMA, tmp_path / "table", window="a/b", source="nowhere")
    assert info.rows == 0
    assert read_schema(tmp_path / "table") == SCHEMA
    assert list(read_batches(tmp_path / "table")) == []
    assert read_info(tmp_path / "table") == info


def test_metadata_survives_what_kfp_makes_of_it(tmp_path):
    info = write_table(rows(12).to_batches(), SCHEMA, tmp_path / "table", window="a/b", source="s")
    metadata = info.to_metadata()
    metadata["rows"] = float(metadata["rows"])
    assert TableInfo.from_metadata(metadata) == info
    assert isinstance(TableInfo.from_metadata(metadata).rows, int)


def test_a_writer_that_fails_leaves_the_former_table_and_nothing_else(tmp_path):
    former = write_table(rows(5).to_batches(), SCHEMA, tmp_path / "table")

    def batches():
        yield from rows(100_000).to_batches()
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        write_table(batches(), SCHEMA, tmp_path / "table")
    assert read_info(tmp_path / "table") == former
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def test_a_killed_writer_leaves_nothing_that_reads_as_a_table(tmp_path):
    code = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[2])\n"
        "from test_table_writing import rows, SCHEMA\n"
        "from kfp_lifecycle.core.table import write_table\n"
        "def batches():\n"
        "    yield from rows(70_000).to_batches()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_table(batches(), SCHEMA, sys.argv[1])"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "table"), str(Path(__file__).parent)], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert not (tmp_path / "table").exists()
    (partial,) = tmp_path.iterdir()
    with pytest.raises(InputError, match=r"schema\.json"):
        read_batches(partial)
    assert write_table(rows(3).to_batches(), SCHEMA, tmp_path / "table").rows == 3


def test_a_folder_of_other_files_is_not_overwritten(tmp_path):
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"thesis\.txt"):
        write_table(rows(3).to_batches(), SCHEMA, tmp_path / "table")
    assert (tmp_path / "table" / "thesis.txt").read_text() == "mine"


def test_nested_columns_are_refused_by_name(tmp_path):
    table = pa.table({"tags": [["a"], ["b"]]})
    with pytest.raises(InputError, match=r"tags='list<.*flatten"):
        write_table(table.to_batches(), table.schema, tmp_path / "table")
    assert list(tmp_path.iterdir()) == []


def test_a_column_name_that_appears_twice_is_refused(tmp_path):
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(InputError, match="appear once"):
        write_table(table.to_batches(), table.schema, tmp_path / "table")


def test_a_frame_makes_the_same_bytes_as_its_rows_and_comes_back(tmp_path):
    content = rows(1000)
    frame = content.to_pandas().set_index(content.to_pandas().index[::-1])
    info = write_frame(frame, tmp_path / "frame", source="here")
    assert info == write_table(content.to_batches(), content.schema, tmp_path / "rows", source="here")
    assert read_frame(tmp_path / "frame").equals(frame.reset_index(drop=True))


@pytest.mark.slow
def test_memory_stays_bounded_while_a_large_table_is_written_and_read(tmp_path):
    code = """
import resource, sys
import numpy as np, pyarrow as pa
from kfp_lifecycle.core.table import read_batches, write_table
schema = pa.schema([(f"c{i}", pa.float64()) for i in range(20)])
rng = np.random.default_rng(0)
batch = pa.RecordBatch.from_arrays([pa.array(rng.normal(size=50_000)) for _ in schema], schema=schema)
def batches(count):
    for _ in range(count):
        yield batch
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
write_table(batches(8), schema, sys.argv[1])
before = peak()
rows = write_table(batches(40), schema, sys.argv[1]).rows
assert sum(batch.num_rows for batch in read_batches(sys.argv[1])) == rows == 2_000_000
print(peak() - before)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "table")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"},
    )
    # 320 MB of values pass through; the first 64 MB have already set the level.
    assert int(ran.stdout) < 60, f"grew by {ran.stdout} MiB"
