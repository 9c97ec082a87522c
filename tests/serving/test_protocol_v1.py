from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kfp_lifecycle.serving.predictions import Predictions
from kfp_lifecycle.serving.protocol_v1 import read_v1, write_v1
from kfp_lifecycle.serving.refusal import Refusal

NAMES = ["a", "b"]


def test_objects_and_lists_give_the_same_columns_in_the_order_of_the_signature() -> None:
    objects = read_v1({"instances": [{"b": 2, "a": 1}, {"a": 3, "b": 4}]}, NAMES)
    lists = read_v1({"instances": [[1, 2], [3, 4]]}, NAMES)
    assert objects.count == lists.count == 2
    assert (
        [list(values) for values in objects.columns] == [list(values) for values in lists.columns] == [[1, 3], [2, 4]]
    )


def test_a_model_of_one_column_reads_both_forms() -> None:
    assert [list(values) for values in read_v1({"instances": [{"a": 1}]}, ["a"]).columns] == [[1]]
    assert [list(values) for values in read_v1({"instances": [[1]]}, ["a"]).columns] == [[1]]


@pytest.mark.parametrize(
    ("document", "status", "told"),
    [
        ([], 400, "not a JSON object"),
        (None, 400, "not a JSON object"),
        ({"rows": []}, 400, '"instances"'),
        ({"instances": {"a": 1}}, 400, "expected a list of rows"),
        ({"instances": []}, 400, "empty"),
        ({"instances": [1, 2]}, 400, "row 0: 1"),
        ({"instances": ["ab"]}, 400, "row 0: 'ab'"),
        ({"instances": [{"a": 1}]}, 422, "missing column 'b', row 0"),
        ({"instances": [{"a": 1, "b": 2}, {"b": 2}]}, 422, "missing column 'a', row 1"),
        ({"instances": [{"a": 1, "b": 2, "c": 3}]}, 422, "unknown column 'c', row 0"),
        ({"instances": [{"a": 1, "b": 2}, {"a": 1, "c": 2}]}, 422, "missing column 'b', row 1"),
        ({"instances": [{"a": 1, "b": 2}, [1, 2]]}, 400, "row 1: [1, 2] is not an object"),
        ({"instances": [{"a": 1, "b": 2}, None]}, 400, "row 1: None is not an object"),
        ({"instances": [[1, 2], {"a": 1, "b": 2}]}, 400, "row 1"),
        ({"instances": [[1, 2], [1]]}, 422, "row 1: 1 values, so column 'b' is missing"),
        ({"instances": [[1, 2, 3]]}, 422, "row 0: 3 values, more than the 2 columns"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_by_name(document: Any, status: int, told: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_v1(document, NAMES)
    assert refused.value.status == status
    assert told in refused.value.message


def test_predictions_are_the_labels_and_probabilities_stand_beside_them() -> None:
    labels, probabilities = np.array(["no", "yes"], dtype=object), np.array([[0.9, 0.1], [0.2, 0.8]])
    classes = ["no", "yes"]
    assert write_v1(Predictions(2, labels, None, classes)) == {"predictions": ["no", "yes"]}
    assert write_v1(Predictions(2, None, probabilities, classes)) == {
        "predictions": [[0.9, 0.1], [0.2, 0.8]],
        "classes": classes,
    }
    assert write_v1(Predictions(2, labels, probabilities, classes)) == {
        "predictions": ["no", "yes"],
        "probabilities": [[0.9, 0.1], [0.2, 0.8]],
        "classes": classes,
    }
