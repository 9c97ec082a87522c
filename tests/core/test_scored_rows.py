"""The columns that a batch prediction adds."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest

from kfp_lifecycle.core.answers import Answers
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.scored_rows import scored_batch, scored_schema
from kfp_lifecycle.core.signature import Column, Signature

TRUTH = np.empty(0)


def signature(classes: tuple | None, positive: object = None) -> Signature:
    task = "regression" if classes is None else "classification"
    return Signature(task, "y", classes, (Column("a", "number", False),), "x", positive)


def scored(answers: Answers, known: Signature, **columns: object) -> dict[str, list]:
    rows = pa.RecordBatch.from_pydict({"a": [1.0, 2.0], **columns})
    time = next((name for name in columns), "")
    schema = scored_schema(rows.schema, known, time)
    return scored_batch(rows, 10, answers, known, schema, "7", time).to_pydict()


TWO = Answers(TRUTH, np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]), None, 2)


def test_of_two_classes_the_positive_ones_probability_is_the_score() -> None:
    found = scored(TWO, signature(("no", "yes"), "yes"))
    assert found == {
        "a": [1.0, 2.0],
        "_row": [10, 11],
        "_model_version": ["7", "7"],
        "_status": [200, 200],
        "_prediction": ["no", "yes"],
        "_score": [0.1, 0.8],
    }
    assert scored(TWO, signature(("no", "yes"), "no"))["_score"] == [0.9, 0.2]
    assert scored(TWO, signature(("no", "yes")))["_score"] == [0.1, 0.8]


def test_classes_are_written_as_the_predictor_writes_them() -> None:
    assert scored(TWO, signature((False, True)))["_prediction"] == ["false", "true"]
    assert scored(TWO, signature((0, 1)))["_prediction"] == ["0", "1"]


def test_a_model_without_probabilities_has_predictions_and_no_score() -> None:
    found = scored(Answers(TRUTH, np.array([0, 2]), None, None, 3), signature(("a", "b", "c")))
    assert (found["_prediction"], found["_score"], found["_score_1"]) == (["a", "c"], [None, None], [None, None])


def test_event_time_is_any_time_to_the_microsecond_rounded_down() -> None:
    one = Answers(TRUTH, np.array([1.0, 2.0]))
    for values, kind, expected in [
        ([1999, -1], pa.timestamp("ns", "UTC"), [1, -1]),
        ([3, 4], pa.timestamp("ms", "UTC"), [3000, 4000]),
        ([5, 6], pa.timestamp("us", "UTC"), [5, 6]),
    ]:
        found = scored(one, signature(None), at=pa.array(values, kind))["_event_time"]
        assert [round(time.timestamp() * 1e6) for time in found] == expected
    days = scored(one, signature(None), at=[date(2024, 3, 1), None])["_event_time"]
    assert days == [datetime(2024, 3, 1, tzinfo=UTC), None]


def test_rows_that_bear_event_time_already_keep_it() -> None:
    times = pa.array([1, 2], pa.timestamp("us", "UTC"))
    found = scored(Answers(TRUTH, np.array([1.0, 2.0])), signature(None), _event_time=times)
    assert list(found) == ["a", "_event_time", "_row", "_model_version", "_status", "_prediction", "_score"]


@pytest.mark.parametrize("name", ["_row", "_event_time", "_model_version", "_status", "_prediction", "_score_2"])
def test_a_column_that_bears_a_name_of_ours_is_named(name: str) -> None:
    given = pa.schema([("a", pa.float64()), ("at", pa.timestamp("us", "UTC")), (name, pa.string())])
    with pytest.raises(InputError, match=f"columns='{name}': expected rows without the columns of predictions"):
        scored_schema(given, signature(("a", "b", "c")), "at")


@pytest.mark.parametrize(
    "answers",
    [
        Answers(TRUTH, np.array([1.0, np.nan])),
        Answers(TRUTH, np.array([0, 1]), np.array([[0.5, 0.5], [np.inf, 0.0]]), None, 2),
    ],
)
def test_an_answer_that_is_not_finite_is_named_by_its_row(answers: Answers) -> None:
    with pytest.raises(ValueError, match="answer to row 11 is not a finite number"):
        scored(answers, signature((0, 1) if answers.classes else None))


def test_a_model_that_answers_too_little_is_refused() -> None:
    with pytest.raises(ValueError, match="1 answers to 2 rows"):
        scored(Answers(TRUTH, np.array([1.0])), signature(None))
