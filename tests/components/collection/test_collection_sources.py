"""Where rows come from: places, formats and partition folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfp_lifecycle.core.errors import InputError

ROWS = {"flight": [1, 2, 3], "carrier": ["AA", None, "UA"], "delay": [0.5, None, -3.25]}
NAMES = ["a.parquet", "a.pq", "a.csv", "a.csv.gz", "a.jsonl", "a.jsonl.gz", "a.json", "a.ndjson"]


@pytest.mark.parametrize("name", NAMES)
def test_every_format_gives_the_same_rows(workshop, name):
    workshop.put(name, ROWS)
    assert workshop.collect().to_pydict() == ROWS


@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz", "a.jsonl"])
def test_a_bucket_gives_what_a_disk_gives(bucket, name):
    bucket.put(f"deep/{name}", ROWS)
    assert bucket.collect(f"{bucket.root}/*/{name}").to_pydict() == ROWS
    assert bucket.table.metadata["source"] == f"{bucket.root}/*/{name}"


@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz", "a.jsonl"])
def test_a_web_server_gives_what_a_disk_gives(workshop, https_server, name):
    uri = workshop.put(name, ROWS)
    https_server.files[f"/{name}"] = Path(uri).read_bytes()
    assert workshop.collect(f"{https_server.url}/{name}?token=secret").to_pydict() == ROWS
    assert workshop.table.metadata["source"] == f"{https_server.url}/{name}"
    with pytest.raises(InputError, match=f"columns='x': expected a column of {https_server.url}/{name}"):
        workshop.collect(f"{https_server.url}/{name}", columns=["x"])


def test_files_come_in_order_of_their_names(workshop):
    for name in ("c.csv", "a.csv", "b/z.csv"):
        workshop.put(name, {"from": [name, name]})
    assert workshop.collect()["from"].to_pylist() == ["a.csv"] * 2 + ["b/z.csv"] * 2 + ["c.csv"] * 2


def test_the_same_files_give_the_same_digest(workshop):
    for number in range(3):
        workshop.put(f"{number}.csv", ROWS)
    workshop.collect()
    first = dict(workshop.table.metadata)
    workshop.collect()
    assert workshop.table.metadata == first


def test_the_digest_does_not_depend_on_how_rows_lie_in_files(workshop):
    for number in range(3):
        workshop.put(f"cut/{number}.parquet", {"n": [number]})
    workshop.put("whole/0.parquet", {"n": [0, 1, 2]})
    workshop.collect(f"{workshop.root}/cut")
    first = workshop.table.metadata["digest"]
    workshop.collect(f"{workshop.root}/whole")
    assert workshop.table.metadata["digest"] == first


def test_partition_folders_give_columns(workshop):
    workshop.put("week=01/carrier=AA/a.csv", {"n": [1]})
    workshop.put("week=02/carrier=__HIVE_DEFAULT_PARTITION__/a.csv", {"n": [2]})
    workshop.put("week=10/carrier=B%2F6/a.csv", {"n": [3]})
    everything = {"n": [1, 2, 3], "week": [1, 2, 10], "carrier": ["AA", None, "B/6"]}
    assert workshop.collect().to_pydict() == everything
    assert workshop.collect(f"{workshop.root}/week=*/*/a.csv").to_pydict() == everything
    assert workshop.collect(columns=["week"]).to_pydict() == {"week": [1, 2, 10]}
    assert workshop.collect(f"{workshop.root}/week=10").to_pydict() == {"n": [3], "carrier": ["B/6"]}


def test_a_column_in_the_file_goes_before_its_folder(workshop):
    workshop.put("week=01/a.csv", {"week": [7]})
    workshop.put("week=02/a.csv", {"n": [1]})
    assert workshop.collect().to_pydict() == {"week": [7, 2], "n": [None, 1]}


def test_hidden_files_and_other_files_are_passed_over(workshop):
    for name in ("_SUCCESS", ".a.csv", "_temporary/b.csv", "README.txt"):
        workshop.put(name, "not,for\nus,too,many")
    workshop.put("a.csv", {"n": [1]})
    assert workshop.collect().to_pydict() == {"n": [1]}


def test_a_format_can_be_named(workshop):
    uri = workshop.put("rows.txt", "n\n1\n")
    assert workshop.collect(uri, format="csv").to_pydict() == {"n": [1]}
    workshop.put("a.jsonl", '{"n": 2}\n')
    assert workshop.collect(format="jsonl").to_pydict() == {"n": [2]}
    assert workshop.collect(f"{workshop.root}/*.txt", format="csv").to_pydict() == {"n": [1]}


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({}, {}, "uri='.*expected an existing file"),
        ({"a.xlsx": "x"}, {}, r"files that end in .*\.parquet.*Set format"),
        ({"_a.csv": "x"}, {}, "only hidden files"),
        ({"a.csv": "n\n1\n", "b.parquet": {"n": [1]}}, {}, "files of one format"),
        ({"a.csv": "n\n1\n"}, {"format": "excel"}, "format='excel': expected one of auto, parquet, csv, jsonl"),
        ({"a.csv": "n\n1\n"}, {"max_rows": -1}, "max_rows=-1: expected 0 or more"),
        ({"a.csv": ""}, {}, r"data/a\.csv': expected a readable csv file.*[Ee]mpty"),
        ({"a.csv": "n,m\n1,2\n1,2,3\n"}, {}, r"a\.csv': expected a readable csv file.*Expected 2 columns, got 3"),
        ({"a.csv": "n,n\n1,2\n"}, {}, "a header of distinct names, found 'n'"),
        ({"a.csv": "n,\n1,2\n"}, {}, "a header of distinct names, found ''"),
        ({"a.csv": b"n\n\xff\n"}, {}, r"a\.csv': expected a readable csv file.*UTF8"),
        ({"a.csv.gz": b"not gzip"}, {}, r"a\.csv\.gz': expected a readable csv file"),
        ({"a.parquet": b"not parquet"}, {}, r"a\.parquet': expected a readable parquet file.*magic bytes"),
        ({"a.jsonl": '{"n": 1}\n{"n": "x"}\n'}, {}, r"a\.jsonl': expected a readable jsonl file.*changed from number"),
        ({"a.jsonl": "[1]\n"}, {}, r"a\.jsonl': expected a readable jsonl file"),
        ({"a.csv": "n\n1\n"}, {"columns": ["m"]}, r"columns='m': expected a column of .*data/a\.csv.*Did you mean"),
        ({"a.csv": "name\n1\n"}, {"columns": ["nmae"]}, "Did you mean one of: name"),
        ({"a.parquet": {"tags": [[1]]}}, {}, r"columns='tags': expected .*found list<.*a\.parquet"),
        ({"a.csv": "n\n"}, {}, r"uri='1 files.*data/a\.csv': expected files with at least one row"),
    ],
)
def test_a_refusal_names_the_file_and_writes_nothing(workshop, tmp_path, files, options, message):
    for name, rows in files.items():
        workshop.put(name, rows)
    with pytest.raises(InputError, match=message):
        workshop.collect(**options)
    assert [path.name for path in tmp_path.iterdir()] == (["data"] if files else [])


def test_a_cut_off_parquet_file_is_named(workshop):
    uri = workshop.put("a.parquet", {"n": list(range(1000))})
    Path(uri).write_bytes(Path(uri).read_bytes()[:2000])
    with pytest.raises(InputError, match=r"a\.parquet': expected a readable parquet file"):
        workshop.collect()


def test_nested_columns_can_be_left_out(workshop):
    workshop.put("a.parquet", {"tags": [[1]], "n": [1]})
    assert workshop.collect(columns=["n"]).to_pydict() == {"n": [1]}
