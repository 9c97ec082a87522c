"""Labels that come later: which row each belongs to, and which of several counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.components.collection.payload_logs import entry, put_log

from kfp_lifecycle.components.collection import labels
from kfp_lifecycle.components.collection.label_index import LabelColumns, index_labels
from kfp_lifecycle.core.errors import InputError

KNOWN = datetime(2026, 3, 8, tzinfo=UTC)


@pytest.fixture
def log(workshop: Any) -> Any:
    """A log with requests of one row and of two; its workshop collects it with labels."""
    put_log(workshop, entry("a", [1]), entry("b", [2, 3]), entry("c", [4]))
    collect = workshop.collect

    def with_labels(labels: Any, name: str = "labels.csv", **options: Any) -> Any:
        options = {"labels_id": ["id", "row"], "label": "late", **options}
        uri = workshop.put(f"labels/{name}", labels)
        return collect(f"{workshop.root}/flights", format="payload-log", labels_uri=uri, **options)

    workshop.collect = with_labels
    return workshop


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet", "labels.jsonl.gz"])
def test_a_label_goes_to_its_row_and_the_others_have_none(log, name):
    table = log.collect({"id": ["b", "c", "x"], "row": [1, 0, 0], "late": ["yes", "no", "no"]}, name)
    assert table.schema.names[-1] == "late"
    assert dict(zip(table["n"].to_pylist(), table["late"].to_pylist(), strict=True)) == {
        1: None,
        2: None,
        3: "yes",
        4: "no",
    }
    assert log.table.metadata["labelled"] == 2


def test_a_folder_of_labels_is_one_table(workshop):
    put_log(workshop, entry("a", [1]), entry("c", [4]))
    workshop.put("late/1.csv", {"id": ["a"], "late": ["yes"]})
    workshop.put("late/2.parquet.gz", "no table")
    workshop.put("late/3.csv", {"id": ["c"], "late": ["no"]})
    options = {"labels_uri": f"{workshop.root}/late/*.csv", "labels_id": ["id"], "label": "late"}
    table = workshop.collect(f"{workshop.root}/flights", format="payload-log", **options)
    assert table["late"].to_pylist() == ["yes", "no"]


def test_a_request_id_alone_is_enough_for_requests_of_one_row(log):
    assert log.collect({"id": ["a", "c"], "late": [1, 0]}, labels_id=["id"])["late"].to_pylist() == [1, None, None, 0]
    with pytest.raises(InputError, match=r"labels_id=\['_request_id'\]: expected labels that name the row as well"):
        log.collect({"id": ["a", "b"], "late": [1, 0]}, "more.csv", labels_id=["id"])


@pytest.mark.parametrize("named", [["n"], ["flight=n"]])
def test_labels_may_be_joined_by_a_feature(log, named):
    column = "n" if named == ["n"] else "flight"
    table = log.collect({column: [4, 2], "late": [0.5, 1.5]}, labels_id=named)
    assert table["late"].to_pylist() == [None, 1.5, None, 0.5]


def test_a_feature_and_a_request_id_may_be_needed_together(log):
    table = log.collect({"request": ["b", "a"], "n": [3, 3], "late": [7, 8]}, labels_id=["request", "n"])
    assert table["late"].to_pylist() == [None, None, 7, None]


def test_plain_tables_are_joined_by_the_columns_they_share(workshop):
    workshop.put("rows/a.csv", {"flight": ["1", "2", "x"], "n": [1, 2, 3]})
    labels = workshop.put("labels.csv", {"flight": [1, 2], "late": [True, False]})
    options = {"labels_uri": labels, "labels_id": ["flight"], "label": "late"}
    assert workshop.collect(f"{workshop.root}/rows", **options)["late"].to_pylist() == [True, False, None]
    table = workshop.collect(f"{workshop.root}/rows", **options, columns=["n"])
    assert table.to_pydict() == {"n": [1, 2, 3], "late": [True, False, None]}


def test_equal_labels_count_once_and_others_are_refused(log):
    assert log.collect({"id": ["a", "a"], "row": [0, 0], "late": [1, 1]})["late"].to_pylist() == [1, None, None, None]
    labels = {"id": ["a", "a", "secret", "secret", "secret"], "row": [0] * 5, "late": [1, 2, 311, 312, 313]}
    expected = r"labels_uri=\['_request_id', '_row'\]: expected one label a row, found other labels of 2 key\(s\)"
    with pytest.raises(InputError, match=rf"{expected}.*labels_time") as refused:
        log.collect(labels, "more.csv")
    assert "secret" not in str(refused.value) and "31" not in str(refused.value)


def test_the_latest_label_up_to_as_of_counts(log):
    labels = {
        "id": ["a", "a", "a", "c"],
        "row": [0, 0, 0, 0],
        "late": ["late", "first", "last", "tomorrow"],
        "known": [KNOWN + timedelta(days=day) for day in (2, -1, 0, 1)],
    }
    table = log.collect(labels, "l.parquet", labels_time="known", as_of="2026-03-08")
    assert table["late"].to_pylist() == ["last", None, None, None]
    table = log.collect(labels, "m.parquet", labels_time="known", as_of="2026-03-10")
    assert table["late"].to_pylist() == ["late", None, None, "tomorrow"]
    labels["known"][0] = KNOWN
    with pytest.raises(InputError, match=r"one label a row at a time, found other labels of 1 key\(s\)"):
        log.collect(labels, "n.parquet", labels_time="known", as_of="2026-03-08")


def test_labels_without_a_key_or_a_value_are_no_labels(log):
    labels = pa.table({"id": ["a", None, "c"], "row": [0, 0, None], "late": [None, 1.0, 2.0]})
    assert log.collect(labels, "l.parquet")["late"].to_pylist() == [None] * 4
    assert log.table.metadata["labelled"] == 0


def test_labels_that_have_not_come_yet_are_null(log):
    assert log.collect("id,row,late\n")["late"].to_pylist() == [None] * 4


@pytest.mark.parametrize(("ids", "told"), [(["x", "y"], True), (["x", "a"], False)])
def test_labels_of_which_none_meets_a_row_are_warned_of(log, caplog, ids, told):
    log.collect({"id": ids, "row": [0, 0], "late": [1, 2]})
    warned = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert ["none of the rows has a label" in message for message in warned] == [True] * told


def test_a_window_leaves_labels_alone(log):
    table = log.collect({"id": ["a"], "row": [0], "late": [1]}, window="2026-03-01/P1D", max_rows=1)
    assert table.select(["n", "late"]).to_pydict() == {"n": [1], "late": [1]}


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ({"id": ["a"], "late": [1]}, {"label": ""}, "label='': expected the label's column"),
        ({"id": ["a"], "late": [1]}, {"label": "lat"}, "label='lat': expected a column of the labels' table.*late"),
        ({"id": ["a"], "n": [1]}, {"label": "n"}, "label='n': expected a column that the rows do not have"),
        ({"id": ["a"], "late": [1]}, {"labels_id": []}, r"labels_id=\[\]: expected the columns that tell"),
        ({"id": ["a"], "late": [1]}, {"labels_id": ["ID"]}, "labels_id='ID': expected a column of the labels' table"),
        ({"id": ["a"], "late": [1]}, {"labels_id": ["id=nn"]}, "labels_id='nn': expected a column of the rows"),
        (
            {"id": ["a"], "x": [1], "y": [1], "late": [1]},
            {"labels_id": ["id", "x", "y"]},
            "labels_id='y': expected a co",
        ),
        ({"id": ["a"], "late": [1]}, {"labels_id": ["id", "id"]}, "columns that are named once"),
        ({"id": ["a"], "late": [1]}, {"labels_id": ["id=n"]}, "keys of one type, found int64 in the rows and string"),
        ({"id": [0.5], "late": [1]}, {"labels_id": ["id"]}, "keys of one type, found text in the rows and numbers"),
        ({"id": ["a"], "late": [1]}, {"labels_id": ["id"], "labels_time": "at"}, "labels_time='at': expected a column"),
        (
            {"id": ["a"], "late": [1]},
            {"labels_id": ["id"], "labels_time": "late"},
            "labels_time='late': expected dates",
        ),
        ("", {"labels_id": ["id"]}, r"labels_uri='.*labels\.csv': expected a readable csv file"),
    ],
)
def test_a_refusal_names_the_parameter_of_the_labels(log, tmp_path, labels, options, message):
    with pytest.raises(InputError, match=message):
        log.collect(labels, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_place_without_labels_is_refused(workshop):
    put_log(workshop, entry("a", [1]))
    with pytest.raises(InputError, match="labels_uri='.*nowhere"):
        workshop.collect(format="payload-log", labels_uri=f"{workshop.root}/nowhere", labels_id=["id"], label="late")


def test_without_labels_the_label_is_the_rows_own(workshop):
    workshop.put("a.csv", {"late": [1]})
    assert workshop.collect(label="late", labels_id=["id"]).to_pydict() == {"late": [1]}


def test_a_hash_that_two_keys_share_gives_no_wrong_label(monkeypatch):
    columns = LabelColumns({"id": "_request_id"}, {"_request_id": pa.string()}, "late", "", KNOWN)
    batch = pa.record_batch({"id": ["a", "b"], "late": [1, 2]})
    ready = index_labels(iter([batch]), pa.int64(), columns)
    monkeypatch.setattr(labels, "row_hashes", lambda batch, keys: np.repeat(ready.hashes[:1], len(batch)))
    found = ready.of(pa.record_batch({"_request_id": ["a", "b", "c"]})).to_pylist()
    assert found in ([1, None, None], [None, 2, None])


keys = st.tuples(st.sampled_from(["a", "b", "ä"]), st.integers(0, 3))


@given(
    given_labels=st.dictionaries(keys, st.integers(), max_size=8), rows=st.lists(keys, max_size=20), seed=st.randoms()
)
@settings(deadline=None)
def test_every_row_gets_the_label_of_its_key_or_none(given_labels, rows, seed):
    known = list(given_labels.items())
    seed.shuffle(known)
    kinds = pa.schema([("id", pa.string()), ("row", pa.int64()), ("late", pa.string())])
    columns = [[key[0] for key, _ in known], [key[1] for key, _ in known], [str(label) for _, label in known]]
    table = pa.table(columns, schema=kinds)
    types = {"_request_id": pa.string(), "_row": pa.int64()}
    columns = LabelColumns({"id": "_request_id", "row": "_row"}, types, "late", "", KNOWN)
    ready = index_labels(iter(table.to_batches(max_chunksize=3)), pa.string(), columns)
    batch = pa.record_batch(
        [pa.array([row[0] for row in rows], pa.string()), pa.array([row[1] for row in rows], pa.int64())], list(types)
    )
    assert ready.of(batch).to_pylist() == [str(given_labels[row]) if row in given_labels else None for row in rows]
