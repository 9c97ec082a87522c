"""Rows as the log holds them: names, types, ids, scores; what is left out, and what is hashed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.core.logged_rows import LOG_COLUMNS, log_types
from kfp_lifecycle.core.model import Column, Signature
from kfp_lifecycle.serving.payload_log_parts import parts_of, revision_of, writer_name
from kfp_lifecycle.serving.payload_log_queue import Entry
from kfp_lifecycle.serving.payload_log_settings import PayloadLogSettings
from kfp_lifecycle.serving.payload_log_table import LogShape, log_table
from kfp_lifecycle.serving.predictions import Predictions
from kfp_lifecycle.serving.request_marks import RequestMarks
from kfp_lifecycle.serving.rows import Rows

COLUMNS = (
    Column("wind", "number", True),
    Column("hour", "integer", True),
    Column("rain", "boolean", True),
    Column("carrier", "category", True),
)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


def signature(classes: Sequence[Any] | None = ("no", "yes"), positive: Any = None) -> Signature:
    task = "regression" if classes is None else "classification"
    return Signature(task, "late", None if classes is None else tuple(classes), COLUMNS, "x", positive)


def shape(of: Signature | None = None, **settings: Any) -> LogShape:
    of = of or signature()
    return LogShape(of, PayloadLogSettings("/logs", **settings), of.classes, "flights-v3-predictor", "3")


def entry(
    columns: Sequence[Sequence[Any]],
    counts: Sequence[int] | None = None,
    *,
    status: int = 200,
    labels: Sequence[Any] | None = None,
    probabilities: Any = None,
    fit: bool = True,
    arrival: float = NOON,
) -> Entry:
    rows = len(columns[0])
    counts = counts or [rows]
    predictions = None
    if labels is not None or probabilities is not None:
        predictions = Predictions(
            rows,
            None if labels is None else np.array(labels),
            None if probabilities is None else np.array(probabilities),
            None,
        )
    marks = [RequestMarks(f"id-{number}", "", arrival) for number in range(len(counts))]
    return Entry(marks, counts, Rows(rows, columns), status, predictions, fit, 0)


TWO = ([1, 2.5], [7, 3.0], [True, None], ["AA", None])


def test_rows_have_their_features_by_name_and_the_columns_of_the_contract() -> None:
    one = entry(TWO, [1, 1], labels=["yes", "no"], probabilities=[[0.1, 0.9], [0.75, 0.25]])
    more = entry([[0.0] * 3, [1] * 3, [False] * 3, ["B6"] * 3], labels=["no"] * 3, probabilities=[[1.0, 0.0]] * 3)
    table = log_table([one, more], shape())
    assert table.schema.names == ["wind", "hour", "rain", "carrier", *LOG_COLUMNS]
    types = [pa.float64(), pa.int64(), pa.bool_(), pa.string(), *log_types().values()]
    assert list(table.schema.types) == types
    assert table["_request_id"].to_pylist() == ["id-0", "id-1", "id-0", "id-0", "id-0"]
    assert table["_row"].to_pylist() == [0, 0, 0, 1, 2]
    first = table.slice(0, 1).to_pylist()[0]
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert first == {
        **{"wind": 1.0, "hour": 7, "rain": True, "carrier": "AA"},
        **{"_request_id": "id-0", "_row": 0, "_event_time": noon, "_arrival_time": noon},
        **{"_revision": "flights-v3-predictor", "_model_version": "3", "_status": 200},
        **{"_prediction": "yes", "_score": 0.9},
    }


def test_the_score_is_of_the_positive_class_or_the_largest_of_more() -> None:
    binary = entry(TWO, labels=["yes", "no"], probabilities=[[0.1, 0.9], [0.75, 0.25]])
    assert log_table([binary], shape(signature(positive="no")))["_score"].to_pylist() == [0.1, 0.75]
    three = entry(TWO, labels=["b", "a"], probabilities=[[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]])
    table = log_table([three], shape(signature(("a", "b", "c"))))
    assert table.schema.names[-4:] == ["_score", "_score_0", "_score_1", "_score_2"]
    assert table["_score"].to_pylist() == [0.7, 0.5]
    assert table["_score_2"].to_pylist() == [0.2, 0.25]


def test_scores_stand_in_the_order_of_the_signature_whatever_the_estimators_is() -> None:
    of = signature(("a", "b", "c"))
    given_order = LogShape(of, PayloadLogSettings("/logs"), ("c", "a", "b"), "", "3")
    one = entry(TWO, labels=["a", "a"], probabilities=[[0.1, 0.7, 0.2]] * 2)
    assert log_table([one], given_order).select(["_score_0", "_score_1", "_score_2"]).to_pylist()[0] == {
        **{"_score_0": 0.7, "_score_1": 0.2, "_score_2": 0.1}
    }


def test_a_regression_is_its_own_score() -> None:
    table = log_table([entry(TWO, labels=[1.5, 2.0])], shape(signature(None)))
    assert table["_prediction"].to_pylist() == table["_score"].to_pylist() == [1.5, 2.0]
    assert list(table.schema.types)[4:] == list(log_types(classes=False).values())


@pytest.mark.parametrize(
    ("classes", "label", "text"), [((0, 1), 1, "1"), ((False, True), True, "true"), ((0.5, 1.5), 1.5, "1.5")]
)
def test_classes_of_any_type_are_logged_as_their_text(classes: tuple[Any, ...], label: Any, text: str) -> None:
    table = log_table([entry(TWO, labels=[label, label])], shape(signature(classes)))
    assert table["_prediction"].to_pylist() == [text, text]
    assert table["_score"].to_pylist() == [None, None]


def test_what_was_refused_is_logged_without_an_answer_and_without_the_values_at_fault() -> None:
    bad = entry((["x", 1e400, 2**70], [3.5, 2**70, 4], [1, "true", False], [7, {}, "AA"]), status=422, fit=False)
    table = log_table([bad, entry(TWO, labels=["no", "no"])], shape())
    assert table["wind"].to_pylist() == [None, None, 2.0**70, 1.0, 2.5]
    assert table["hour"].to_pylist() == [None, None, 4, 7, 3]
    assert table["rain"].to_pylist() == [None, None, False, True, None]
    assert table["carrier"].to_pylist() == [None, None, "AA", "AA", None]
    assert table["_status"].to_pylist() == [422] * 3 + [200] * 2
    assert table["_prediction"].to_pylist() == [None] * 3 + ["no"] * 2


def test_a_refused_value_is_not_made_one_that_fits() -> None:
    # Arrow would take 3.5 as the integer 3, and true as the number 1, without a word.
    table = log_table([entry(([True], [3.5], [None], [None]), status=422, fit=False)], shape())
    assert (table["wind"].to_pylist(), table["hour"].to_pylist()) == ([None], [None])


def test_excluded_columns_are_absent_and_hashed_ones_hold_the_keyed_hash_of_their_text() -> None:
    key = b"0123456789abcdef"
    table = log_table([entry(TWO)], shape(exclude=("wind",), hashed=("carrier", "hour", "rain"), key=key))
    assert "wind" not in table.schema.names

    def expected(text: str) -> str:
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    assert table["carrier"].to_pylist() == [expected("AA"), None]
    assert table["hour"].to_pylist() == [expected("7"), expected("3")]
    assert table["rain"].to_pylist() == [expected("true"), None]
    other = log_table([entry(TWO)], shape(hashed=("carrier",), key=b"another key of 16"))
    assert other["carrier"].to_pylist() != table["carrier"].to_pylist()


VALUES = (
    st.one_of(st.none(), st.floats(-1e30, 1e30), st.integers(-(10**20), 10**20)),
    st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-(2**53), 2**53).map(float)),
    st.one_of(st.none(), st.booleans()),
    st.one_of(st.none(), st.text()),
)


@given(st.lists(st.tuples(*VALUES), min_size=1, max_size=20))
def test_whatever_passes_the_checks_comes_back_from_parquet_as_it_was(rows: list[tuple[Any, ...]]) -> None:
    columns = list(zip(*rows, strict=True))
    (part,) = parts_of(log_table([entry(columns)], shape()))
    found = pq.read_table(BytesIO(part.content))
    assert part.rows == len(rows) == found.num_rows
    for column, values in zip(COLUMNS, columns, strict=True):
        if column.type == "number":  # In the model, too, a large integer is the float next to it.
            values = [None if value is None else float(value) for value in values]
        assert found[column.name].to_pylist() == list(values)


@given(st.lists(st.one_of(*VALUES, st.floats(), st.dictionaries(st.text(), st.none()), st.just("\ud800")), min_size=1))
def test_no_value_at_all_keeps_a_part_from_being_written(values: list[Any]) -> None:
    for fit in (False, True):
        table = log_table([entry([values] * 4, fit=fit)], shape(hashed=("carrier",), key=b"k" * 16))
        assert sum(part.rows for part in parts_of(table)) == len(values)


def test_rows_go_to_the_hour_in_which_they_arrived() -> None:
    turn = datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC).timestamp()
    one = entry(TWO, [1, 1])
    marks = [RequestMarks("a", "2020-01-01", turn), RequestMarks("b", "", turn + 1)]
    split = Entry(marks, one.counts, one.rows, 200, None, True, 0)
    parts = parts_of(log_table([split, entry(TWO, arrival=turn)], shape()))
    assert [(part.hour, part.rows) for part in parts] == [
        ("date=2026-12-31/hour=23", 3),
        ("date=2027-01-01/hour=00", 1),
    ]


def test_the_revision_is_that_of_the_gateway_and_a_writers_name_is_its_own() -> None:
    assert revision_of({"K_REVISION": "flights-predictor-00007", "HOSTNAME": "x"}) == "flights-predictor-00007"
    assert revision_of({"HOSTNAME": "flights-v3-predictor-6d9c7b5f4d-x2x7p"}) == "flights-v3-predictor"
    assert revision_of({"HOSTNAME": "laptop"}) == revision_of({}) == ""
    assert writer_name("a/b") != writer_name("a/b")
    assert writer_name("a/b").startswith("a-b-")
