"""Bodies of requests and answers, and how both are brought together: whatever comes, and however it is spelled."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.components.collection.log_records import NOON, kserve_record

from kfp_lifecycle.components.collection.logs.answers import read_answer
from kfp_lifecycle.components.collection.logs.event_files import bounded_lines
from kfp_lifecycle.components.collection.logs.events import Event, read_cloud_event, read_kserve_record
from kfp_lifecycle.components.collection.logs.pairing import Pair, Pairing
from kfp_lifecycle.components.collection.logs.requests import read_request
from kfp_lifecycle.components.collection.logs.values import Malformed, NoPrediction, fitted, parse_json, type_of
from kfp_lifecycle.core.logged_rows import class_text

cells = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=5)
words = ["instances", "inputs", "predictions", "probabilities", "classes", "outputs", "name", "shape", "datatype"]
names = st.sampled_from([*words, "data", "parameters", "id", "a", "b", "\ud800"])
anything = st.recursive(
    cells | st.floats() | st.sampled_from(["FP64", "BYTES", 10**400, "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
    max_leaves=20,
)


@given(document=anything)
@settings(max_examples=300, deadline=None)
@example(document={"predictions": []})
@example(document={"instances": [{"\ud800": 1}]})
@example(document={"id": "\ud800", "inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}]})
@example(document={"model_version": "\ud800", "outputs": [{"name": "a", "shape": [1], "datatype": "X", "data": [1]}]})
def test_any_document_is_understood_or_malformed(document):
    """Nothing else comes out, and what is understood fits into columns of its own type."""
    for read in (lambda: read_request(document, ["a", "b"]), lambda: read_answer(document)):
        try:
            found = read()
        except (Malformed, NoPrediction):
            continue
        assert found.rows > 0
        for name, values in found.columns.items():
            assert len(values) == found.rows
            pa.array(fitted(name, values, type_of(values)), type_of(values))
        pa.schema([(name, pa.null()) for name in found.columns])
        for text in (getattr(found, "id", None), getattr(found, "model_version", None)):
            pa.array([text], pa.string())


@given(record=anything | st.dictionaries(st.sampled_from(["specversion", "id", "type", "data", "time"]), anything))
@settings(max_examples=200, deadline=None)
def test_any_record_is_an_event_or_malformed(record):
    for read in (read_cloud_event, read_kserve_record):
        try:
            event = read({"reqType": "x.request", **record} if isinstance(record, dict) else record)
        except (Malformed, NoPrediction):
            continue
        assert event.id and isinstance(event.body, bytes)


@given(columns=st.dictionaries(st.sampled_from("abc"), st.lists(cells, min_size=2, max_size=2), min_size=2))
def test_a_row_is_the_same_however_a_request_spells_it(columns):
    features = list(columns)
    rows = [dict(zip(features, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    tensors = [
        {"name": name, "shape": [2, 1], "datatype": "BYTES", "data": [[value] for value in values]}
        for name, values in columns.items()
    ]
    matrix = [value for row in rows for value in row.values()]
    spelled = [
        {"instances": rows},
        {"instances": [list(row.values()) for row in rows]},
        {"inputs": tensors},
        {"inputs": [{"name": "x", "shape": [2, len(features)], "datatype": "BYTES", "data": matrix}]},
    ]
    for document in spelled:
        asked = read_request(json.loads(json.dumps(document)), features)
        assert (asked.rows, asked.columns) == (2, columns)


@given(parts=st.lists(st.lists(cells, min_size=1, max_size=5), min_size=1, max_size=4))
def test_values_of_several_requests_meet_in_one_type(parts):
    """Numbers stay numbers; where text or truth values come among them, all become text."""
    kind = type_of([value for part in parts for value in part])
    present = [value for part in parts for value in part if value is not None]
    found = [value for part in parts for value in fitted("a", part, kind) if value is not None]
    kinds = {type(value) for value in present}
    if not kinds:
        assert pa.types.is_null(kind)
    elif kinds <= {int, float}:
        assert found == [float(value) for value in present] if float in kinds else found == present
    elif len(kinds) == 1:
        assert found == present
    else:
        assert found == [class_text(value) for value in present]


@given(content=st.lists(st.text("ab {}", max_size=9)).map("\n".join), longest=st.integers(1, 8))
def test_lines_are_those_of_the_text_but_for_long_ones(content, longest):
    expected = [line.encode() if len(line) <= longest else None for line in content.split("\n")]
    wanted = [line for line in expected if line is None or line.strip()]
    assert list(bounded_lines(BytesIO(content.encode()), longest)) == wanted


happened = st.lists(
    st.tuples(st.sampled_from("ab"), st.booleans(), st.none() | st.integers(0, 4)), min_size=1, max_size=12
)


@given(events=happened)
@settings(deadline=None)
def test_an_answer_belongs_to_the_last_request_before_it(tmp_path_factory, events):
    given_events = [
        Event(identity, is_answer, None if second is None else NOON + timedelta(seconds=second), str(number).encode())
        for number, (identity, is_answer, second) in enumerate(events)
    ]
    with closing(Pairing(tmp_path_factory.mktemp("pairs"))) as pairing:
        pairing.add(iter(given_events))
        pairs = list(pairing.pairs())
        assert pairs == list(pairing.pairs())
    assert len(pairs) == len({event.id for event in given_events})
    for pair in pairs:
        assert pair == _paired([event for event in given_events if event.id == (pair.request or pair.answer).id])
    taken = sum((pair.request is not None) + (pair.answer is not None) for pair in pairs)
    assert pairing.repeated == len(events) - taken


def _paired(events: list[Event]) -> Pair:
    """The rule, spelled out."""
    ordered = sorted(events, key=lambda event: event.time or datetime(1, 1, 1, tzinfo=UTC))
    answers = [place for place, event in enumerate(ordered) if event.is_answer]
    requests = [place for place, event in enumerate(ordered) if not event.is_answer]
    if not answers:
        return Pair(ordered[requests[-1]], None)
    before = [place for place in requests if place < answers[-1]]
    request = before[-1] if before else (requests[0] if requests else None)
    return Pair(None if request is None else ordered[request], ordered[answers[-1]])


@pytest.mark.parametrize(
    ("pod", "revision"),
    [
        ("flights-predictor-00002-deployment-7c4b6f5b9d-x2k4z", "flights-predictor-00002"),
        ("flights-v3-predictor-7c4b6f5b9d-x2k4z", "flights-v3-predictor"),
        ("http://localhost:9081/", "http://localhost:9081"),
        ("somewhere", "somewhere"),
        ("", None),
    ],
)
def test_the_revision_is_what_the_name_of_a_pod_says(pod, revision):
    record = kserve_record(0, "request", {})
    for source in (pod, {"Host": "", "Path": pod}):
        assert read_kserve_record({**record, "sourceUri": source}).revision == revision


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"x-request-id": "a b"}, ("a b", None)),
        ({"x-request-id": "a" * 129}, (None, None)),
        ({"x-request-id": "a\nb"}, (None, None)),
        ({"x-event-time": "2026-03-01T13:00:00+01:00"}, (None, NOON)),
        ({"x-event-time": "yesterday"}, (None, None)),
        ({"x-event-time": "9999-12-31T23:59:59-20:00"}, (None, None)),
    ],
)
def test_headers_that_the_logger_kept_say_what_they_say_to_our_server(headers, found):
    event = read_kserve_record(kserve_record(0, "request", {}, headers=headers))
    assert (event.request_id, event.event_time) == found


@pytest.mark.parametrize("text", ["NaN", "[1e999]", '{"a": -Infinity}'])
def test_numbers_that_json_does_not_know_are_read_as_python_writes_them(text):
    parse_json(text)
    asked = read_request({"instances": [{"a": parse_json("NaN"), "b": parse_json("1e999")}]}, [])
    assert asked.columns == {"a": [None], "b": [float("inf")]}
