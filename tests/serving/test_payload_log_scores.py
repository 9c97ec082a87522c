"""Predictions made for the log: every part, for the rows that lack it, and for no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.serving.payload_log_queue import Entry
from kfp_lifecycle.serving.payload_log_scores import with_all_parts
from kfp_lifecycle.serving.predictions import LABELS, PROBABILITIES, Predictions
from kfp_lifecycle.serving.request_marks import NO_MARKS
from kfp_lifecycle.serving.rows import Rows

BOTH = (LABELS, PROBABILITIES)


class Model:
    """The label of a row is its value, its probability a tenth of it; it fails on 13."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, tuple[str, ...]]] = []

    def __call__(self, rows: Rows, parts: tuple[str, ...]) -> Predictions:
        self.calls.append((rows.count, parts))
        values = np.array(rows.columns[0])
        if 13 in values:
            raise RuntimeError("unlucky")
        labels = values if LABELS in parts else None
        return Predictions(rows.count, labels, values[:, None] / 10 if PROBABILITIES in parts else None, None)


def entry(values: Sequence[int], parts: tuple[str, ...] | None, status: int = 200) -> Entry:
    rows = Rows(len(values), [list(values)])
    predictions = None if parts is None else Model()(rows, parts)
    return Entry([NO_MARKS], [len(values)], rows, status, predictions, True, 0)


def parts_in(one: Entry) -> tuple[Any, Any]:
    assert one.predictions is not None
    labels, probabilities = one.predictions.labels, one.predictions.probabilities
    return (
        None if labels is None else labels.tolist(),
        None if probabilities is None else (probabilities[:, 0] * 10).round().astype(int).tolist(),
    )


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(14, 99), min_size=1, max_size=300),
            st.sampled_from([(LABELS,), (PROBABILITIES,), BOTH]),
        ),
        max_size=12,
    )
)
def test_every_row_gets_its_own_labels_and_probabilities(asked: list[tuple[list[int], tuple[str, ...]]]) -> None:
    model = Model()
    done = with_all_parts([entry(values, parts) for values, parts in asked], BOTH, model)
    assert [parts_in(one) for one in done] == [(values, values) for values, _ in asked]
    # What was answered is not asked again.
    lacking = sum(len(values) for values, parts in asked if parts != BOTH)
    assert sum(rows for rows, _ in model.calls) == lacking
    assert all(len(parts) == 1 and rows <= 512 for rows, parts in model.calls)


def test_a_failure_leaves_only_its_own_rows_without_the_part() -> None:
    entries = [entry([number], (LABELS,)) for number in (1, 2)]
    unlucky = Entry([NO_MARKS], [1], Rows(1, [[13]]), 200, Predictions(1, np.array([13]), None, None), True, 0)
    done = with_all_parts([*entries, unlucky, entry([4], (LABELS,))], BOTH, Model())
    assert [parts_in(one) for one in done] == [([1], [1]), ([2], [2]), ([13], None), ([4], [4])]


def test_rows_without_an_answer_are_not_predicted() -> None:
    model = Model()
    refused = entry([1], None, 422)
    assert with_all_parts([refused], BOTH, model) == [refused]
    assert model.calls == []
