"""Logs of requests and answers: KServe's blob logger in JSON and Parquet, and CloudEvents in JSON lines."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow as pa
import pytest
from tests.components.collection.log_records import (
    NOON,
    cloud_event,
    kserve_parquet,
    kserve_record,
    lines,
)

from kfp_lifecycle.components.collection import prefetch
from kfp_lifecycle.components.collection.logs import event_files
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.logged_rows import LOG_COLUMNS, log_types

ASKED = {"instances": [{"hour": 7, "carrier": "AA"}, {"hour": 8.5, "carrier": None}]}
ANSWERED = {"predictions": ["no", "yes"], "probabilities": [[0.75, 0.25], [0.1, 0.9]], "classes": ["no", "yes"]}


def put_pair(workshop: Any, form: str, number: int, asked: Any = ASKED, answered: Any = ANSWERED, **more: Any) -> None:
    """A request and its answer as the logger of the form writes them, without batches."""
    for kind, body in (("request", asked), ("response", answered)):
        if body is None:
            continue
        name = f"team/flights/predictor/id-{number}-{kind}"
        if form == "cloudevents":
            workshop.put(f"{name}.jsonl", cloud_event(number, kind, body, **more) + "\n")
        elif form == "json":
            workshop.put(f"{name}.json", json.dumps(kserve_record(number, kind, body, **more)).encode())
        else:
            uri = workshop.put(f"{name}.parquet", kserve_parquet(kserve_record(number, kind, body, **more)))
            at = (more.get("time") or NOON + timedelta(seconds=number)).timestamp()
            os.utime(uri, (at, at))


FORMS = {"json": "kserve-blob", "parquet": "kserve-blob", "cloudevents": "cloudevents"}


@pytest.mark.parametrize("form", FORMS)
def test_a_log_gives_a_row_for_each_prediction_with_the_columns_of_our_own_log(workshop, form):
    put_pair(workshop, form, 1)
    put_pair(workshop, form, 0, headers={"x-request-id": "mine", "x-event-time": "2026-02-28T09:30:00+01:00"})
    table = workshop.collect(format=FORMS[form])
    assert table.schema.names == ["hour", "carrier", *LOG_COLUMNS]
    assert table.schema.types == [pa.float64(), pa.string(), *log_types().values()]
    assert table["hour"].to_pylist() == [7, 8.5, 7, 8.5]
    assert table["carrier"].to_pylist() == ["AA", None, "AA", None]
    assert table["_request_id"].to_pylist() == ["mine", "mine", "id-1", "id-1"]
    assert table["_row"].to_pylist() == [0, 1, 0, 1]
    later, event = NOON + timedelta(seconds=1), datetime(2026, 2, 28, 8, 30, tzinfo=UTC)
    assert table["_arrival_time"].to_pylist() == [NOON, NOON, later, later]
    assert table["_event_time"].to_pylist() == [event, event, later, later]
    assert set(table["_revision"].to_pylist()) == {"flights-predictor-00002"}
    assert table["_model_version"].to_pylist() == [None] * 4
    assert table["_status"].to_pylist() == [200] * 4
    assert table["_prediction"].to_pylist() == ["no", "yes"] * 2
    assert table["_score"].to_pylist() == [0.25, 0.9] * 2
    counts = {"malformed": 0, "other": 0, "unanswered": 0, "repeated": 0, "retried": 0}
    assert {name: workshop.table.metadata[name] for name in counts} == counts


@pytest.mark.parametrize("form", FORMS)
def test_a_log_in_a_bucket_is_read_as_one_on_disk(bucket, form):
    if form == "cloudevents":
        bucket.put("a.jsonl", lines(cloud_event(0, "request", ASKED), cloud_event(0, "response", ANSWERED)))
    else:
        records = [kserve_record(0, "request", ASKED), kserve_record(0, "response", ANSWERED)]
        bucket.put(f"a.{form}", json.dumps(records).encode() if form == "json" else kserve_parquet(*records))
    table = bucket.collect(format=FORMS[form])
    assert table["_prediction"].to_pylist() == ["no", "yes"]
    assert table["_arrival_time"].null_count == 0


def test_batches_whose_pairs_lie_in_several_files_are_brought_together(workshop):
    """A batch is named after its first record, whatever else it holds."""
    asked = [kserve_record(number, "request", {"instances": [{"n": number}]}) for number in range(6)]
    answered = [kserve_record(number, "response", {"predictions": [number * 0.5]}) for number in range(6)]
    workshop.put("z-request.json", json.dumps([asked[0], asked[1], answered[0]]).encode())
    workshop.put("b-response.json", json.dumps([answered[1], asked[2], answered[2]]).encode())
    workshop.put("y-request.parquet", kserve_parquet(asked[3], asked[4], answered[4]))
    workshop.put("a-response.parquet", kserve_parquet(answered[3]))
    workshop.put("c-request.json", json.dumps(asked[5]).encode())
    workshop.put("d-response.json", json.dumps(answered[5]).encode())
    table = workshop.collect(format="kserve-blob")
    rows = dict(zip(table["n"].to_pylist(), table["_prediction"].to_pylist(), strict=True))
    assert rows == {number: number * 0.5 for number in range(6)}


def test_open_inference_bodies_give_rows_by_tensor_with_version_and_scores_of_each_class(workshop):
    asked = {
        "id": "v2-id",
        "inputs": [
            {"name": "hour", "shape": [2, 1], "datatype": "INT64", "data": [[7], [8]]},
            {"name": "wind", "shape": [2], "datatype": "FP64", "data": [3, None]},
        ],
    }
    scores = [0.5, 0.25, 0.25, 0.125, 0.25, 0.625]
    answered = {
        "model_version": "17",
        "outputs": [
            {"name": "predict", "shape": [2], "datatype": "BYTES", "data": ["a", "c"]},
            {"name": "predict_proba", "shape": [2, 3], "datatype": "FP64", "data": scores},
        ],
    }
    put_pair(workshop, "json", 0, asked, answered)
    table = workshop.collect(format="kserve-blob")
    assert table.schema.names == ["hour", "wind", *LOG_COLUMNS, "_score_0", "_score_1", "_score_2"]
    assert table.to_pylist()[1] == {
        **{"hour": 8, "wind": None, "_request_id": "v2-id", "_row": 1, "_event_time": NOON, "_arrival_time": NOON},
        **{"_revision": "flights-predictor-00002", "_model_version": "17", "_status": 200},
        **{"_prediction": "c", "_score": 0.625, "_score_0": 0.125, "_score_1": 0.25, "_score_2": 0.625},
    }
    assert table.schema.field("hour").type == pa.int64() and table.schema.field("wind").type == pa.float64()


@pytest.mark.parametrize(
    "asked",
    [
        {"instances": [[7, "AA"], [8, None]]},
        {"inputs": [{"name": "input-0", "shape": [2, 2], "datatype": "BYTES", "data": [7, "AA", 8, None]}]},
        {"inputs": [{"name": "input-0", "shape": [2, 2], "datatype": "BYTES", "data": [[7, "AA"], [8, None]]}]},
    ],
)
def test_values_without_names_get_those_of_feature_names(workshop, asked):
    put_pair(workshop, "json", 0, asked)
    table = workshop.collect(format="kserve-blob", feature_names=["hour", "carrier"])
    assert table.select(["hour", "carrier"]).to_pydict() == {"hour": [7, 8], "carrier": ["AA", None]}
    with pytest.raises(InputError, match=r"feature_names=\[\]: expected the names.*2 values without names"):
        workshop.collect(format="kserve-blob")


@pytest.mark.parametrize(
    ("answered", "predictions", "scores"),
    [
        ({"predictions": [1, 0]}, ["1", "0"], [None, None]),
        ({"predictions": [True, False]}, ["true", "false"], [None, None]),
        ({"predictions": [1.5, -2.25]}, [1.5, -2.25], [1.5, -2.25]),
        ({"predictions": [[1.5], [3]]}, [1.5, 3.0], [1.5, 3.0]),
        ({"predictions": [[0.2, 0.8], [0.5, 0.5]]}, [None, None], [0.8, 0.5]),
        ({"predictions": [[0.2, 0.8], [1, 0]], "classes": [3, 7]}, ["7", "3"], [0.8, 0]),
    ],
)
def test_answers_are_classes_as_text_or_numbers_with_their_score(workshop, answered, predictions, scores):
    put_pair(workshop, "json", 0, answered=answered)
    table = workshop.collect(format="kserve-blob")
    assert table["_prediction"].to_pylist() == predictions
    assert table["_score"].to_pylist() == scores
    number = isinstance(predictions[0], float)
    assert table.schema.field("_prediction").type == (pa.float64() if number else pa.string())


def test_a_request_without_an_answer_has_no_status_and_decides_no_type(workshop):
    put_pair(workshop, "json", 0, {"instances": [{"n": 1}]}, {"predictions": ["a"]})
    put_pair(workshop, "json", 1, {"instances": [{"n": 2}]}, None)
    put_pair(workshop, "json", 2, {"instances": [{"n": "two"}]}, None)
    put_pair(workshop, "json", 3, {"instances": [{"m": 2}]}, None)
    table = workshop.collect(format="kserve-blob", max_bad_share=0.5)
    assert table.select(["n", "_status", "_prediction"]).to_pylist() == [
        {"n": 1, "_status": 200, "_prediction": "a"},
        {"n": 2, "_status": None, "_prediction": None},
    ]
    assert (workshop.table.metadata["unanswered"], workshop.table.metadata["malformed"]) == (3, 2)


def test_a_log_of_requests_alone_gives_their_rows(workshop):
    put_pair(workshop, "json", 0, answered=None)
    assert workshop.collect(format="kserve-blob")["hour"].to_pylist() == [7, 8.5]


def test_a_column_of_mixed_values_is_text_that_the_monitor_can_find_fault_with(workshop):
    put_pair(workshop, "json", 0, {"instances": [{"n": 1, "b": True}, {"n": "x", "b": 0.5}]})
    table = workshop.collect(format="kserve-blob")
    assert table.select(["n", "b"]).to_pydict() == {"n": ["1", "x"], "b": ["true", "0.5"]}


def test_what_is_no_prediction_is_passed_over_and_counted(workshop):
    workshop.put(
        "a.jsonl",
        lines(
            cloud_event(0, "request", ASKED),
            cloud_event(0, "response", ANSWERED),
            cloud_event(1, "request", b""),
            cloud_event(1, "response", {"name": "flights", "ready": True}),
            cloud_event(2, "request", {"text": "hello"}),
            cloud_event(3, "feedback", {"instances": [{"hour": 1}]}),
        ),
    )
    assert len(workshop.collect(format="cloudevents")) == 2
    assert workshop.table.metadata["other"] == 3
    assert workshop.table.metadata["malformed"] == 0


MALFORMED = {
    "no JSON": "{",
    "no event": '{"id": "x"}',
    "a number": "7",
    "an endless nest": "[" * 100_000,
    "no id": cloud_event(9, "request", ASKED).replace('"id": "id-9"', '"id": ""'),
    "an id beyond Unicode": cloud_event(9, "request", ASKED).replace("id-9", "\\ud800"),
    "a body that is no JSON": cloud_event(9, "request", b"\x00\xff"),
    "base64 that is none": cloud_event(9, "request", b"{}").replace('"data_base64": "', '"data_base64": "?'),
    "no rows": cloud_event(9, "request", {"instances": []}),
    "rows that are no rows": cloud_event(9, "request", {"instances": [1, 2]}),
    "values that are no values": cloud_event(9, "request", {"instances": [{"hour": [1]}]}),
    "a number beyond floats": cloud_event(9, "request", {"instances": [{"hour": 10**400}]}),
    "text beyond Unicode": cloud_event(9, "request", {"instances": [{"hour": "\ud800"}]}),
    "a column of the log": cloud_event(9, "request", {"instances": [{"_status": 1}]}),
    "a tensor without data": cloud_event(9, "request", {"inputs": [{"name": "hour", "shape": [1]}]}),
    "a tensor of another size": cloud_event(
        9, "request", {"inputs": [{"name": "hour", "shape": [2**62], "datatype": "FP64", "data": [1]}]}
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_record_is_left_out_counted_and_told(workshop, caplog, case):
    first, second = (
        [cloud_event(number, kind, body) for kind, body in (("request", ASKED), ("response", ANSWERED))]
        for number in (0, 1)
    )
    workshop.put("a.jsonl", lines(*first, MALFORMED[case], *second))
    with caplog.at_level("WARNING"):
        table = workshop.collect(format="cloudevents", max_bad_share=0.2)
    assert table["_request_id"].to_pylist() == ["id-0", "id-0", "id-1", "id-1"]
    assert workshop.table.metadata["malformed"] == 1
    assert "left out as malformed" in caplog.text
    with pytest.raises(InputError, match=r"max_bad_share=0\.05: expected at most 5\.00% malformed records, found 1 of"):
        workshop.collect(format="cloudevents", max_bad_share=0.05)


@pytest.mark.parametrize(
    "answered",
    [
        {"predictions": ["one"]},
        {"predictions": [{"a": 1}, {"a": 2}]},
        {"predictions": [[0.5, 7], [1, 1]]},
        {"predictions": [[0.5, 0.5], [1]]},
        {"predictions": ["a", "b"], "probabilities": [[0.5, 0.5]]},
        {"outputs": []},
        {"predictions": []},
        {"error": "none"},
        [],
    ],
)
def test_an_answer_that_cannot_be_understood_takes_its_request_out(workshop, answered):
    put_pair(workshop, "json", 0)
    put_pair(workshop, "json", 1, answered=answered)
    assert workshop.collect(format="kserve-blob", max_bad_share=0.5)["_request_id"].to_pylist() == ["id-0", "id-0"]
    assert workshop.table.metadata["malformed"] == 1


@pytest.mark.parametrize("name", ["b.json", "b.parquet", "b.json.gz"])
def test_a_file_that_is_cut_off_counts_as_one_malformed_record(workshop, name):
    put_pair(workshop, "json", 0)
    workshop.put(name, b"PAR1, but no more" if name.endswith("parquet") else b'{"id": ')
    assert len(workshop.collect(format="kserve-blob", max_bad_share=0.5)) == 2
    assert workshop.table.metadata["malformed"] == 1


def test_a_line_that_is_too_long_is_never_held(workshop, monkeypatch):
    monkeypatch.setattr(event_files, "LONGEST_LINE", 5_000)
    monkeypatch.setattr(event_files, "_CHUNK", 64)
    long = cloud_event(1, "request", {"instances": [{"hour": 1, "text": "x" * 9_000}]})
    good = [cloud_event(number, "request", ASKED) for number in (0, 2)]
    workshop.put("a.jsonl", lines(good[0], long, good[1]) + long)
    table = workshop.collect(format="cloudevents", max_bad_share=0.5)
    assert table["_request_id"].to_pylist() == ["id-0", "id-0", "id-2", "id-2"]
    assert workshop.table.metadata["malformed"] == 2


def test_a_store_that_fails_is_no_malformed_file(workshop, tmp_path):
    put_pair(workshop, "json", 0)
    (tmp_path / "data" / "team" / "gone.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"gone\.json"):
        workshop.collect(format="kserve-blob", max_bad_share=1)


def test_a_log_of_another_layout_is_refused_with_an_example(workshop):
    workshop.put("a.jsonl", lines({"n": 1}, {"n": 2}))
    with pytest.raises(InputError, match=r"found 2 of 2\. Check that format.*record 1: no record of KServe"):
        workshop.collect(format="kserve-blob")


@pytest.mark.parametrize("form", FORMS)
def test_the_window_is_of_event_time_and_only_near_arrivals_are_read(workshop, form):
    for number, at in enumerate([NOON, NOON + timedelta(days=1), NOON + timedelta(days=30)]):
        put_pair(workshop, form, number, {"instances": [{"n": number}]}, {"predictions": ["a"]}, time=at)
    window = f"{NOON:%Y-%m-%d}/P1D"
    assert workshop.collect(format=FORMS[form], window=window)["n"].to_pylist() == [0]
    assert workshop.collect(format=FORMS[form], window=window, time_column="_arrival_time")["n"].to_pylist() == [0]


def test_files_written_long_before_the_window_are_not_opened(workshop):
    put_pair(workshop, "json", 0)
    old = Path(workshop.put("old.json", b"not even JSON"))
    at = (NOON - timedelta(days=9)).timestamp()
    os.utime(old, (at, at))
    workshop.collect(format="kserve-blob", window="2026-03-01/P1D")
    assert workshop.table.metadata["malformed"] == 0
    workshop.collect(format="kserve-blob", window="2026-03-01/P1D", lateness="P20D", max_bad_share=0.5)
    assert workshop.table.metadata["malformed"] == 1


def test_equal_logs_give_equal_digests_whatever_the_order_of_their_files(workshop, make_workshop):
    digests = set()
    for turned in (False, True):
        place = make_workshop()
        for number in range(5):
            put_pair(place, "json", 4 - number if turned else number)
        place.collect(format="kserve-blob")
        digests.add(place.table.metadata["digest"])
    assert len(digests) == 1


def test_a_record_is_read_whatever_its_id_makes_of_the_name_of_its_file(workshop):
    for kind, body in (("request", ASKED), ("response", ANSWERED)):
        for given in ("_mine", ".mine", "a/b"):
            workshop.put(f"logs/{given}-{kind}.json", json.dumps(kserve_record(given, kind, body)).encode())
    table = workshop.collect(format="kserve-blob")
    assert table["_request_id"].to_pylist()[::2] == [".mine", "_mine", "a/b"]


def test_a_log_in_a_format_that_is_not_read_is_refused(workshop):
    workshop.put("id-0-request.csv", "url,bytes\n")
    with pytest.raises(InputError, match=r"files that end in \.parquet, \.pq, \.jsonl, \.ndjson, \.json, each"):
        workshop.collect(format="kserve-blob")


def test_many_small_files_of_a_bucket_are_fetched_at_once_and_read_in_order(bucket, monkeypatch):
    """The store answers nobody before eight have asked; a reader that asks one by one would wait for ever."""
    for number in range(8):
        content = lines(cloud_event(number, "request", {"instances": [{"n": number}]}))
        bucket.put(f"{number}.jsonl", content if number < 7 else content + " " * prefetch.SMALL)
    together, fetch = Barrier(8, timeout=60), prefetch._content

    def slow(source: Any) -> bytes | None:
        together.wait()
        return fetch(source)

    monkeypatch.setattr(prefetch, "_content", slow)
    assert bucket.collect(format="cloudevents")["n"].to_pylist() == list(range(8))


def test_a_file_that_goes_while_a_bucket_is_read_is_named(bucket, monkeypatch):
    for number in range(80):
        bucket.put(f"{number:02}.jsonl", lines(cloud_event(number, "request", ASKED)))
    fetch = prefetch._content

    def gone(source: Any) -> bytes | None:
        return fetch(replace(source, uri=source.uri.replace("50.jsonl", "gone.jsonl")))

    monkeypatch.setattr(prefetch, "_content", gone)
    with pytest.raises(InputError, match=r"uri='.*gone\.jsonl': expected an existing file"):
        bucket.collect(format="cloudevents")
