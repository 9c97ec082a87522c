"""How columns of many files meet, what text is read as, and how much memory that takes."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_lifecycle.components.collection import csv_files, sources
from kfp_lifecycle.core.errors import InputError


def test_a_column_that_a_file_lacks_is_null_there(workshop):
    workshop.put("1.parquet", {"a": [1], "b": ["x"]})
    workshop.put("2.parquet", {"b": ["y"], "c": [True]})
    assert workshop.collect().to_pydict() == {"a": [1, None], "b": ["x", "y"], "c": [None, True]}


@pytest.mark.parametrize(
    ("first", "second", "met"),
    [
        (pa.array([1]), pa.array([1.5]), pa.float64()),
        (pa.array([1], pa.int8()), pa.array([300], pa.int16()), pa.int16()),
        (pa.nulls(1), pa.array(["x"]), pa.string()),
        (pa.array([0], pa.timestamp("s")), pa.array([0], pa.timestamp("ns", "UTC")), pa.timestamp("ns", "UTC")),
        (pa.array(["x"]), pa.array(["x"]).dictionary_encode(), pa.string()),
    ],
)
def test_types_that_hold_the_same_values_meet(workshop, first, second, met):
    workshop.put("1.parquet", pa.table({"a": first}))
    workshop.put("2.parquet", pa.table({"a": second}))
    assert workshop.collect().schema.field("a").type == met
    assert workshop.collect()["a"].to_pylist() == [
        value for side in (first, second) for value in side.cast(met).to_pylist()
    ]


@pytest.mark.parametrize("first", [pa.array(["x"]), pa.array([True]), pa.array([0], pa.timestamp("s"))])
@pytest.mark.parametrize("turned", [False, True])
def test_types_that_do_not_meet_are_refused_with_the_file(workshop, tmp_path, first, turned):
    columns = [first, pa.array([1])]
    for number, column in enumerate(reversed(columns) if turned else columns):
        workshop.put(f"{number}.parquet", pa.table({"a": column}))
    with pytest.raises(InputError, match=r"columns='a': expected one type in all files, found .* in .*data/1\.parquet"):
        workshop.collect()
    assert not (tmp_path / "table").exists()


def test_a_number_that_would_lose_digits_is_refused(workshop):
    workshop.put("1.parquet", {"a": [2**60 + 1]})
    workshop.put("2.parquet", {"a": [0.5]})
    with pytest.raises(InputError, match=r"columns='a': expected values of .*1\.parquet that fit double"):
        workshop.collect()


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        ("1 -2 3", pa.int64(), [1, -2, 3]),
        ("1 2.5 1e3", pa.float64(), [1, 2.5, 1000]),
        ("1 NA 3", pa.int64(), [1, None, 3]),
        ("0.5 NaN null", pa.float64(), [0.5, None, None]),
        ("true False TRUE", pa.bool_(), [True, False, True]),
        ("00501 10001", pa.string(), ["00501", "10001"]),
        ("0 10 0.5", pa.float64(), [0, 10, 0.5]),
        ("12345678901234567890 1", pa.string(), ["12345678901234567890", "1"]),
        ("a NA 1", pa.string(), ["a", "NA", "1"]),
        ("2013-01-01 x", pa.string(), ["2013-01-01", "x"]),
    ],
)
@pytest.mark.parametrize("blocks", ["one block", "many blocks"])
def test_csv_columns_get_the_narrowest_type_that_fits_all_values(workshop, monkeypatch, cells, kind, values, blocks):
    if blocks == "many blocks":
        monkeypatch.setattr(csv_files, "_BLOCK", 24)
    workshop.put("a.csv", "a,b\n" + "".join(f"{cell},\n" for cell in cells.split()))
    table = workshop.collect(columns=["a"])
    assert table.schema.field("a").type == kind
    assert table["a"].to_pylist() == values


def test_csv_text_keeps_its_blanks_quotes_and_lines(workshop):
    workshop.put("a.csv", 'a,b\n" x ","he said ""no""\nand left"\n,"1,5"\n')
    assert workshop.collect().to_pydict() == {"a": [" x ", None], "b": ['he said "no"\nand left', "1,5"]}


def test_csv_lines_inside_quotes_do_not_end_a_row_at_the_edge_of_a_block(workshop, monkeypatch):
    monkeypatch.setattr(csv_files, "_BLOCK", 64)
    texts = [f"{n}\n,\n{'x' * (n % 13)}" for n in range(100)]
    workshop.put("a.csv", {"n": list(range(100)), "text": texts})
    assert workshop.collect().to_pydict() == {"n": list(range(100)), "text": texts}


def test_csv_files_that_disagree_become_text(workshop):
    workshop.put("1.csv", "a\n1\n")
    workshop.put("2.csv", "a\nN1\n")
    assert workshop.collect().to_pydict() == {"a": ["1", "N1"]}


def test_tabs_part_the_columns_of_a_tsv(workshop):
    workshop.put("a.tsv.gz", "a\tb\n1\tx,y\n")
    assert workshop.collect().to_pydict() == {"a": [1], "b": ["x,y"]}


def test_json_lines_may_leave_keys_out_and_grow_types(workshop, monkeypatch):
    monkeypatch.setattr(sources, "JSON_BLOCK", 16)
    workshop.put("a.jsonl", '{"a": 1, "b": null}\n{"a": 2.5}\n\n{"c": "x", "d": {"deep": 1}}\n{"a": 3}')
    table = workshop.collect(columns=["a", "b", "c"])
    assert table.to_pydict() == {"a": [1, 2.5, None, 3], "b": [None] * 4, "c": [None, None, "x", None]}


def test_json_lines_whose_types_do_not_meet_are_refused(workshop, monkeypatch):
    monkeypatch.setattr(sources, "JSON_BLOCK", 36)
    workshop.put("a.jsonl", '{"a": 1}\n' * 4 + '{"a": "x"}\n' * 4)
    with pytest.raises(InputError, match=r"columns='a': expected one type.*found string in .*a\.jsonl and int64"):
        workshop.collect()


whole = st.integers(-(2**53) + 1, 2**53 - 1)
words = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=["Cs"]), min_size=1)


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "n": st.none() | whole,
                "x": st.none() | st.floats(allow_nan=False, allow_infinity=False),
                "s": st.none() | words.map(lambda word: f"_{word}"),
                "b": st.none() | st.booleans(),
            }
        ),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=40, deadline=None)
def test_values_are_the_same_in_every_format(make_workshop, rows):
    schema = pa.schema([("n", pa.int64()), ("x", pa.float64()), ("s", pa.string()), ("b", pa.bool_())])
    table = pa.Table.from_pylist(rows, schema)
    workshop = make_workshop()
    workshop.put("a.parquet", table)
    frame = pd.DataFrame(rows, columns=schema.names, dtype=object)
    frame["b"] = frame["b"].map({True: "true", False: "false"})
    workshop.put("a.csv", frame.to_csv(index=False))
    expected = table.to_pylist()
    assert workshop.collect(f"{workshop.root}/a.parquet").to_pylist() == expected
    for found, row in zip(workshop.collect(f"{workshop.root}/a.csv").to_pylist(), expected, strict=True):
        assert (found["n"], found["s"], found["b"]) == (row["n"], row["s"], row["b"])
        assert found["x"] == row["x"] or math.isclose(found["x"], row["x"], rel_tol=1e-15)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz", "a.jsonl"])
def test_memory_stays_bounded_while_a_large_file_is_collected(tmp_path, name):
    code = """
import gzip, resource, sys
from types import SimpleNamespace
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from kfp_lifecycle.components.collection import csv_files, sources
from kfp_lifecycle.components.collection.collection import collect
# Small blocks, so that a small file is many of them.
csv_files._BLOCK, sources.JSON_BLOCK = 1 << 17, 1 << 19
folder, name = sys.argv[1:]
values = np.random.default_rng(0).integers(0, 1000, (10, 50_000))
batch = pa.record_batch([pa.array(row) for row in values], names=[f"c{i}" for i in range(10)])
def run(count):
    uri = f"{folder}/{count}{name}"
    if name.endswith("parquet"):
        with pq.ParquetWriter(uri, batch.schema) as writer:
            for _ in range(count):
                writer.write_batch(batch)
    else:
        lines = batch.to_pandas()
        text = lines.to_csv(index=False) if "csv" in name else lines.to_json(orient="records", lines=True)
        head, _, body = text.partition("\\n") if "csv" in name else ("", "", text)
        with gzip.open(uri, "wt", compresslevel=1) if name.endswith("gz") else open(uri, "wt") as file:
            file.write(head + "\\n" if head else "")
            for _ in range(count):
                file.write(body)
    rows, _, _ = collect(uri, SimpleNamespace(path=f"{folder}/table", uri="", metadata={}))
    assert rows == count * 50_000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
before = run(3)
print(run(9) - before)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), name],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"},
    )
    # 300,000 rows more: 24 MB as numbers, several times that as text.
    assert int(ran.stdout) < 20, f"grew by {ran.stdout} MiB"
