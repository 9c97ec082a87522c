"""What in a log of requests and answers cannot be understood: left out, counted and told, or refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.components.collection.log_records import (
    ANSWERED,
    ASKED,
    cloud_event,
    lines,
    put_pair,
)

from kfp_lifecycle.components.collection import prefetch
from kfp_lifecycle.components.collection.logs import event_files
from kfp_lifecycle.core.errors import InputError


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


def test_a_value_that_does_not_fit_is_told_by_its_column_and_type_alone(workshop, caplog):
    put_pair(workshop, "json", 0, {"instances": [{"n": 1}]}, {"predictions": ["a"]})
    put_pair(workshop, "json", 1, {"instances": [{"n": "Jane Doe"}]}, None)
    told = "'n' holds a str: expected a int64, as its other values are"
    with caplog.at_level("WARNING"):
        workshop.collect(format="kserve-blob", max_bad_share=0.5)
    with pytest.raises(InputError, match=told) as refused:
        workshop.collect(format="kserve-blob", max_bad_share=0)
    assert told in caplog.text and "Jane" not in caplog.text + str(refused.value)


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


def test_a_log_in_a_format_that_is_not_read_is_refused(workshop):
    workshop.put("id-0-request.csv", "url,bytes\n")
    with pytest.raises(InputError, match=r"files that end in \.parquet, \.pq, \.jsonl, \.ndjson, \.json, each"):
        workshop.collect(format="kserve-blob")


def test_a_file_that_goes_while_a_bucket_is_read_is_named(bucket, monkeypatch):
    for number in range(80):
        bucket.put(f"{number:02}.jsonl", lines(cloud_event(number, "request", ASKED)))
    fetch = prefetch._content

    def gone(source: Any) -> bytes | None:
        return fetch(replace(source, uri=source.uri.replace("50.jsonl", "gone.jsonl")))

    monkeypatch.setattr(prefetch, "_content", gone)
    with pytest.raises(InputError, match=r"uri='.*gone\.jsonl': expected an existing file"):
        bucket.collect(format="cloudevents")
