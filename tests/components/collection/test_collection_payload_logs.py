"""Our own payload log: its columns, its hours, and requests that were sent again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.components.collection.log_records import NOON
from tests.components.collection.payload_logs import SHAPE, entry, put_log

from kfp_lifecycle.components.collection.retries import superseded, without
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.logged_rows import LOG_COLUMNS, log_types
from kfp_lifecycle.serving.payload_log_settings import PayloadLogSettings

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("place", ["workshop", "bucket"])
def test_the_log_of_a_predictor_is_read_whole_without_the_columns_of_its_folders(request, place):
    workshop = request.getfixturevalue(place)
    put_log(workshop, entry("a", [1, 2]), entry("b", [3], arrival=NOON + HOUR), entry("c", [4], status=422))
    table = workshop.collect(f"{workshop.root}/flights", format="payload-log")
    assert table.schema.names == ["n", "hour", *LOG_COLUMNS]
    assert table.schema.types == [pa.int64(), pa.float64(), *log_types().values()]
    assert sorted(
        zip(table["_request_id"].to_pylist(), table["_row"].to_pylist(), table["n"].to_pylist(), strict=True)
    ) == [
        ("a", 0, 1),
        ("a", 1, 2),
        ("b", 0, 3),
        ("c", 0, 4),
    ]
    assert sorted(table["_status"].to_pylist()) == [200, 200, 200, 422]
    assert set(table["_model_version"].to_pylist()) == {"3"}


def test_columns_that_a_predictor_left_out_are_null_and_those_of_the_log_always_there(workshop):
    hidden = replace(SHAPE, settings=PayloadLogSettings("/logs", exclude=frozenset({"n"})), version="2")
    put_log(workshop, entry("a", [1]), shape=hidden)
    put_log(workshop, entry("b", [2], arrival=NOON + HOUR))
    rows = workshop.collect(format="payload-log").to_pylist()
    assert [(row["n"], row["_model_version"]) for row in rows] == [(None, "2"), (2, "3")]
    assert workshop.collect(format="payload-log", columns=["hour", "_status"]).schema.names == ["hour", "_status"]
    path = Path(put_log(workshop, entry("c", [3], arrival=NOON + 2 * HOUR))[0])
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["_score", "_request_id", "_prediction"]), path)
    table = workshop.collect(format="payload-log")
    assert table.schema.names == ["hour", "n", *LOG_COLUMNS]
    assert table["_request_id"].to_pylist() == ["a", "b", None]


def test_a_regression_is_logged_as_numbers(workshop):
    (uri,) = put_log(workshop, entry("a", [1]))
    table = pq.read_table(uri, partitioning=None)
    table = table.set_column(table.schema.get_field_index("_prediction"), "_prediction", pa.array([2.5]))
    pq.write_table(table, uri)
    assert workshop.collect(format="payload-log").schema.field("_prediction").type == pa.float64()


def test_hours_that_are_far_from_the_window_are_not_opened(workshop):
    for days in range(-10, 11):
        uris = put_log(workshop, entry(f"id{days}", [days], arrival=NOON + timedelta(days=days)))
        if abs(days) > 2:
            Path(uris[0]).write_bytes(b"broken on purpose")
    options = {"format": "payload-log", "window": "2026-03-01/P1D"}
    assert workshop.collect(**options, lateness="P2D")["n"].to_pylist() == [0]
    with pytest.raises(InputError, match=r"date=2026-02-26.*expected a readable parquet file"):
        workshop.collect(**options, lateness="P3D")
    with pytest.raises(InputError, match=r"date=2026-02-19.*expected a readable parquet file"):
        workshop.collect(**options, lateness="")
    with pytest.raises(
        InputError, match=r"window='2027-.*an hour of the log, whose 21 files are all of others.*lateness"
    ):
        workshop.collect(format="payload-log", window="2027-03-01/P1D")


@pytest.mark.parametrize(("late", "found"), [(timedelta(days=6), [1]), (timedelta(days=9), [])])
def test_a_row_that_arrives_late_is_found_within_the_lateness(workshop, late, found):
    put_log(workshop, entry("early", [1], arrival=NOON + late, event_time=NOON.isoformat()))
    put_log(workshop, entry("other", [2], arrival=NOON + timedelta(days=1)))
    options = {"format": "payload-log", "window": "2026-03-01/P1D"}
    if found:
        assert workshop.collect(**options)["n"].to_pylist() == found
    else:
        with pytest.raises(InputError, match="a window with at least one row"):
            workshop.collect(**options)
        assert workshop.collect(**options, lateness="P9D")["n"].to_pylist() == [1]


@pytest.mark.parametrize("folder", ["date=2026-13-01", "date=soon", "date=2026-03-01/hour=25", "day=2026-03-01"])
def test_folders_that_name_no_hour_are_always_opened(workshop, folder):
    uri = put_log(workshop, entry("a", [1]))[0]
    content = Path(uri).read_bytes()
    Path(uri).unlink()
    workshop.put(f"flights/{folder}/a.parquet", content)
    assert workshop.collect(format="payload-log", window="2026-03-01/P1D", lateness="PT1H")["n"].to_pylist() == [1]


def test_the_logs_of_two_services_are_not_mixed(workshop):
    put_log(workshop, entry("a", [1]))
    put_log(workshop, entry("a", [2]), service="fraud")
    with pytest.raises(InputError, match=r"uri='.*flights': expected the log of one service|uri='.*fraud'"):
        workshop.collect(format="payload-log")
    assert workshop.collect(f"{workshop.root}/fraud", format="payload-log")["n"].to_pylist() == [2]


def test_parts_that_are_being_written_are_passed_over(workshop):
    put_log(workshop, entry("a", [1]))
    workshop.put("flights/date=2026-03-01/hour=12/.half.parquet.partial", b"PAR1")
    workshop.put("flights/date=2026-03-01/hour=12/.half.parquet", b"PAR1")
    assert workshop.collect(format="payload-log")["n"].to_pylist() == [1]


def test_a_file_that_is_no_log_is_refused_with_what_it_lacks(workshop):
    workshop.put("flights/date=2026-03-01/a.parquet", {"n": [1]})
    with pytest.raises(InputError, match="time_column='_event_time': expected a column of"):
        workshop.collect(format="payload-log")


def test_max_rows_counts_rows_that_are_kept(workshop):
    put_log(workshop, *(entry("again", [0], arrival=NOON + timedelta(seconds=n)) for n in range(5)), entry("b", [1, 2]))
    table = workshop.collect(format="payload-log", max_rows=2)
    assert table["n"].to_pylist() == [0, 1]


def test_of_a_request_that_was_sent_again_the_last_good_answer_counts(workshop):
    def at(seconds: int) -> datetime:
        return NOON + timedelta(seconds=seconds)

    put_log(workshop, entry("a", [1, 2], status=500, arrival=at(0)), entry("a", [3, 4], arrival=at(1)))
    put_log(workshop, entry("a", [5, 6], arrival=at(2)), entry("a", [7, 8], status=503, arrival=at(3)))
    put_log(workshop, entry("b", [9], status=500, arrival=at(0)), entry("b", [10], status=503, arrival=at(3600)))
    put_log(workshop, entry("c", [11], arrival=at(0)))
    table = workshop.collect(format="payload-log")
    assert sorted(table["n"].to_pylist()) == [5, 6, 10, 11]
    assert workshop.table.metadata["retried"] == 7


logged = st.lists(
    st.tuples(
        st.none() | st.sampled_from("abc"),
        st.integers(0, 2),
        st.none() | st.sampled_from([200, 422, 500]),
        st.none() | st.integers(0, 5),
    ),
    max_size=40,
)


@given(rows=logged, cut=st.integers(1, 7))
@settings(deadline=None)
def test_each_id_and_row_is_kept_once_and_it_is_the_best(rows, cut):
    """Compared with the rule spelled out row by row, whatever the batches."""
    schema = pa.schema([(name, log_types()[name]) for name in ("_request_id", "_row", "_status", "_arrival_time")])
    columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), schema.types, strict=False)]
    table = pa.table(columns, schema) if rows else schema.empty_table()

    def read(names: Any) -> Any:
        return iter(table.select(list(names)).to_batches(max_chunksize=cut))

    best: dict[Any, Any] = {}
    for place, (identity, row, status, arrival) in enumerate(rows):
        key = place if identity is None else (identity, row)
        rank = (status == 200, -1 if arrival is None else arrival, place)
        best[key] = max(best.get(key, rank), rank)
    expected = sorted(place for *_, place in best.values())
    numbered = table.append_column("place", pa.array(range(len(rows)), pa.int64()))
    kept = without(iter(numbered.to_batches(max_chunksize=cut)), superseded(read))
    assert [place for batch in kept for place in batch["place"].to_pylist()] == expected
