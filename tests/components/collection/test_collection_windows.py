"""Windows of event time, and that what lies outside is not even read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.components.collection.times import inside, to_instants
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.window import Window

DAYS = [datetime(2013, 1, day, tzinfo=UTC) for day in range(1, 11)]
MIDDLE = "2013-01-03/2013-01-06"
SPELLINGS = {
    "seconds": pa.array(DAYS, pa.timestamp("s", "UTC")),
    "nanoseconds": pa.array(DAYS, pa.timestamp("ns", "UTC")),
    "another zone": pa.array(DAYS, pa.timestamp("us", "America/New_York")),
    "no zone": pa.array([day.replace(tzinfo=None) for day in DAYS], pa.timestamp("us")),
    "dates": pa.array([day.date() for day in DAYS], pa.date32()),
    "text": pa.array([day.strftime("%Y-%m-%dT%H:%M:%SZ") for day in DAYS]),
    "text of dates": pa.array([day.strftime("%Y-%m-%d") for day in DAYS]),
    "text with offsets": pa.array([(day - timedelta(hours=5)).strftime("%Y-%m-%d %H:%M:%S-05:00") for day in DAYS]),
    "a dictionary": pa.array([day.strftime("%Y-%m-%d") for day in DAYS]).dictionary_encode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_window_takes_its_start_and_leaves_its_end(workshop, spelling):
    workshop.put("a.parquet", {"n": list(range(10)), "at": SPELLINGS[spelling]})
    table = workshop.collect(time_column="at", window=MIDDLE)
    assert table["n"].to_pylist() == [2, 3, 4]
    assert to_instants(table["at"].combine_chunks(), "at").to_pylist() == DAYS[2:5]
    assert workshop.table.metadata["window"] == "2013-01-03T00:00:00Z/2013-01-06T00:00:00Z"


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
@pytest.mark.parametrize("spelling", ["seconds", "no zone", "text", "text of dates", "text with offsets"])
def test_text_files_know_the_same_times(workshop, name, spelling):
    workshop.put(name, {"n": list(range(10)), "at": SPELLINGS[spelling]})
    table = workshop.collect(time_column="at", window=MIDDLE)
    assert table["n"].to_pylist() == [2, 3, 4]
    assert table["at"].to_pylist() == DAYS[2:5]


def test_the_time_column_need_not_be_kept(workshop):
    workshop.put("a.parquet", {"n": list(range(10)), "at": SPELLINGS["seconds"]})
    assert workshop.collect(columns=["n"], time_column="at", window=MIDDLE).to_pydict() == {"n": [2, 3, 4]}


def test_rows_without_a_time_lie_in_no_window(workshop):
    workshop.put("a.parquet", {"n": [1, 2], "at": pa.array([None, DAYS[3]])})
    assert workshop.collect(time_column="at", window=MIDDLE)["n"].to_pylist() == [2]
    assert workshop.collect(time_column="at")["n"].to_pylist() == [1, 2]


def test_row_groups_outside_the_window_are_not_read(workshop, tmp_path):
    """Their bytes are broken on purpose: a reader that touched them would fail."""
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "a.parquet"
    noise = [str(hash(i)) * 20 for i in range(10)]
    pq.write_table(
        pa.table({"at": SPELLINGS["nanoseconds"], "noise": noise}), path, row_group_size=1, compression="zstd"
    )
    metadata, broken = pq.read_metadata(path), bytearray(path.read_bytes())
    for group in (0, 1, 5, 6, 7, 8, 9):
        for column in range(2):
            chunk = metadata.row_group(group).column(column)
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            broken[start : start + chunk.total_compressed_size] = b"\0" * chunk.total_compressed_size
    path.write_bytes(broken)
    assert workshop.collect(time_column="at", window=MIDDLE)["noise"].to_pylist() == noise[2:5]
    with pytest.raises(InputError, match="readable parquet"):
        workshop.collect(time_column="at", window="2013-01-03/2013-01-06T00:00:01")


def test_columns_that_are_not_asked_for_are_not_read(workshop, tmp_path):
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "a.parquet"
    pq.write_table(pa.table({"n": [1, 2], "noise": ["x" * 50, "y" * 50]}), path)
    chunk, broken = pq.read_metadata(path).row_group(0).column(1), bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    broken[start : start + chunk.total_compressed_size] = b"\0" * chunk.total_compressed_size
    path.write_bytes(broken)
    assert workshop.collect(columns=["n"]).to_pydict() == {"n": [1, 2]}
    with pytest.raises(InputError, match="readable parquet"):
        workshop.collect()


def test_partition_folders_of_time_outside_the_window_are_not_read(workshop, tmp_path):
    for day in DAYS:
        workshop.put(f"day={day:%Y-%m-%d}/a.parquet", {"n": [day.day] * 100})
    for path in (tmp_path / "data").glob("*/a.parquet"):
        if path.parent.name not in ("day=2013-01-03", "day=2013-01-04", "day=2013-01-05"):
            path.write_bytes(path.read_bytes()[:4] + b"\0" * 40 + path.read_bytes()[44:])
    table = workshop.collect(time_column="day", window=MIDDLE)
    assert sorted(set(table["n"].to_pylist())) == [3, 4, 5]
    assert table["day"].to_pylist()[::100] == DAYS[2:5]


def test_max_rows_takes_the_first_rows_of_the_window(workshop):
    for half in (0, 1):
        at = SPELLINGS["seconds"].slice(5 * half, 5)
        workshop.put(f"{half}.parquet", {"n": list(range(5 * half, 5 * half + 5)), "at": at})
    options = {"time_column": "at", "window": "2013-01-04/2013-01-09"}
    assert workshop.collect(**options, max_rows=4)["n"].to_pylist() == [3, 4, 5, 6]
    assert workshop.collect(**options, max_rows=2)["n"].to_pylist() == [3, 4]
    assert workshop.collect(**options, max_rows=100)["n"].to_pylist() == [3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("as_of", "resolved"),
    [("2013-01-06", "2013-01-06T00:00:00Z"), ("20130106000000", "2013-01-06T00:00:00Z")],
)
def test_a_window_counts_back_from_as_of_which_is_handed_on(workshop, as_of, resolved):
    workshop.put("a.parquet", {"n": list(range(10)), "at": SPELLINGS["seconds"]})
    assert workshop.collect(time_column="at", window="P3D", as_of=as_of)["n"].to_pylist() == [2, 3, 4]
    assert workshop.as_of == resolved


@pytest.mark.parametrize("as_of", ["", "[[ScheduledTime]]"])
def test_without_as_of_now_is_handed_on(workshop, as_of):
    workshop.put("a.csv", {"n": [1]})
    before = datetime.now(UTC)
    workshop.collect(as_of=as_of)
    assert before <= datetime.fromisoformat(workshop.as_of) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": MIDDLE}, "time_column='': expected a column when a window is given"),
        ({"window": MIDDLE, "time_column": "att"}, "time_column='att': expected a column of .*Did you mean one of: at"),
        (
            {"window": MIDDLE, "time_column": "n"},
            "time_column='n': expected dates, times or ISO 8601 text, found int64",
        ),
        ({"window": MIDDLE, "time_column": "word"}, "time_column='word': expected dates.*'late'"),
        ({"window": "yesterday", "time_column": "at"}, "window='yesterday'"),
        ({"window": "2013-01-06/2013-01-03", "time_column": "at"}, "a start before the end"),
        ({"as_of": "soon"}, "as_of='soon'"),
        (
            {"window": "2014-01-01/P7D", "time_column": "at"},
            "window='2014-01-01T00:00:00Z/2014-01-08T00:00:00Z': expected a window with at least one row; at runs from "
            "2013-01-01T00:00:00Z to 2013-01-10T00:00:00Z",
        ),
    ],
)
def test_a_refusal_names_the_parameter_and_writes_nothing(workshop, tmp_path, options, message):
    workshop.put("a.parquet", {"n": list(range(10)), "at": SPELLINGS["seconds"], "word": ["late"] * 10})
    with pytest.raises(InputError, match=message):
        workshop.collect(**options)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_file_without_the_time_column_is_named(workshop):
    workshop.put("a.csv", {"at": ["2013-01-01"]})
    workshop.put("b.csv", {"when": ["2013-01-01"]})
    with pytest.raises(InputError, match=r"time_column='at': expected a column of .*b\.csv"):
        workshop.collect(time_column="at")


instants = st.datetimes(datetime(1600, 1, 1), datetime(2200, 1, 1))


@given(at=instants, start=instants, length=st.timedeltas(timedelta(microseconds=1), timedelta(days=3650)))
def test_every_spelling_of_an_instant_lies_in_the_same_windows(at, start, length):
    window = Window(start.replace(tzinfo=UTC), start.replace(tzinfo=UTC) + length)
    expected = window.start <= at.replace(tzinfo=UTC) < window.end
    spelled = [
        pa.array([at], pa.timestamp("us")),
        pa.array([at.replace(tzinfo=UTC)], pa.timestamp("us", "Asia/Tokyo")),
        pa.array([at.isoformat()]),
        pa.array([at.replace(tzinfo=UTC).isoformat()]),
    ]
    if at.year > 1680:
        spelled.append(pa.array([at], pa.timestamp("us")).cast(pa.timestamp("ns")))
    assert [inside(to_instants(column, "at"), window).to_pylist() for column in spelled] == [[expected]] * len(spelled)


def test_a_nanosecond_before_the_start_is_outside():
    start = datetime(1950, 1, 1, tzinfo=UTC)
    column = pa.array([start], pa.timestamp("ns", "UTC")).cast(pa.int64())
    earlier = pa.array([column[0].as_py() - 1]).cast(pa.timestamp("ns", "UTC"))
    assert inside(to_instants(earlier, "at"), Window(start, DAYS[0])).to_pylist() == [False]
