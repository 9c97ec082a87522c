"""Logs of requests and answers: KServe's blob logger in JSON and Parquet, and CloudEvents in JSON lines."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow as pa
import pytest
from tests.components.collection.log_records import (
    ANSWERED,
    ASKED,
    NOON,
    cloud_event,
    kserve_parquet,
    kserve_record,
    lines,
    put_pair,
)

from kfp_lifecycle.components.collection import prefetch
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.logged_rows import LOG_COLUMNS, log_types
from kfp_lifecycle.serving.request_marks import usable_id

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


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("own", "header", "chosen"),
    [
        ("own", "header", "own"),
        ("o" * 128, "header", "o" * 128),
        ("own", None, "own"),
        (None, "header", "header"),
        ("o" * 129, "header", "header"),
        ("", "header", "header"),
        ("line\nbreak", "header", "header"),
        ("\u00fc", "header", "header"),
        (" own", "header", "header"),
        (7, "header", "header"),
        ("o" * 129, None, "id-0"),
        (None, "h" * 129, "id-0"),
    ],
)
def test_a_request_bears_the_id_that_the_predictor_would_log(workshop, form, own, header, chosen):
    asked = {"inputs": [{"name": "n", "shape": [1], "datatype": "INT64", "data": [1]}]}
    headers = {"x-request-id": header} if header else None
    put_pair(workshop, form, 0, asked | ({} if own is None else {"id": own}), {"predictions": ["a"]}, headers=headers)
    assert workshop.collect(format=FORMS[form])["_request_id"].to_pylist() == [chosen]
    assert (usable_id(own) or usable_id(header) or "id-0") == chosen


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


def test_a_log_of_requests_alone_gives_their_rows(workshop):
    put_pair(workshop, "json", 0, answered=None)
    assert workshop.collect(format="kserve-blob")["hour"].to_pylist() == [7, 8.5]


def test_a_column_of_mixed_values_is_text_that_the_monitor_can_find_fault_with(workshop):
    put_pair(workshop, "json", 0, {"instances": [{"n": 1, "b": True}, {"n": "x", "b": 0.5}]})
    table = workshop.collect(format="kserve-blob")
    assert table.select(["n", "b"]).to_pydict() == {"n": ["1", "x"], "b": ["true", "0.5"]}


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


def test_many_small_files_of_a_bucket_are_fetched_at_once_and_read_in_order(bucket, monkeypatch):
    """The store answers nobody before eight have asked; a reader that asks one by one would wait for ever."""
    for number in range(8):
        content = lines(cloud_event(number, "request", {"instances": [{"n": number}]}))
        bucket.put(f"{number}.jsonl", content if number < 7 else " " * prefetch.SMALL + content)
    together, fetch = Barrier(8, timeout=60), prefetch._content

    def slow(source: Any) -> bytes | None:
        together.wait()
        return fetch(source)

    monkeypatch.setattr(prefetch, "_content", slow)
    assert bucket.collect(format="cloudevents")["n"].to_pylist() == list(range(8))
