"""KServe's V1 protocol: ``{"instances": [...]}`` in, ``{"predictions": [...]}`` out.

An instance is an object ``{column: value}``, or a list of the values in the signature's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from kfp_lifecycle.serving.column_names import refuse_other_names
from kfp_lifecycle.serving.predictions import Predictions
from kfp_lifecycle.serving.refusal import BAD_VALUES, Refusal, shown
from kfp_lifecycle.serving.rows import Rows


def _from_objects(instances: list[Any], names: Sequence[str]) -> list[Sequence[Any]]:
    width = len(names)
    try:
        columns = [list(map(itemgetter(name), instances)) for name in names]
        if all(type(row) is dict and len(row) == width for row in instances):
            return columns  # type: ignore[return-value]
    except (KeyError, TypeError, IndexError):
        pass  # Some row is at fault; the loop below finds it.
    for number, row in enumerate(instances):
        if type(row) is not dict:
            raise Refusal(f"instances, row {number}: {shown(row)} is not an object, as the first row is")
        refuse_other_names(row.keys(), names, f", row {number}")
    raise AssertionError("no row of the instances is at fault")


def _from_lists(instances: list[Any], names: Sequence[str]) -> list[Sequence[Any]]:
    width = len(names)
    for number, row in enumerate(instances):
        if type(row) is not list:
            raise Refusal(f"instances, row {number}: {shown(row)} is not a list, as the first row is")
        if len(row) < width:
            raise Refusal(
                f"instances, row {number}: {len(row)} values, so column {names[len(row)]!r} is missing; "
                f"expected {width}",
                BAD_VALUES,
            )
        if len(row) > width:
            raise Refusal(
                f"instances, row {number}: {len(row)} values, more than the {width} columns of the model",
                BAD_VALUES,
            )
    return list(zip(*instances, strict=True))


def read_v1(document: Any, names: Sequence[str]) -> Rows:
    """The rows of a V1 request.

    Args:
        document: the body as decoded from JSON.
        names: the signature's columns.

    Raises:
        Refusal: 400 for a body that is not of the protocol, 422 for columns that are not the model's.
    """
    if type(document) is not dict:
        raise Refusal('the body is not a JSON object: expected {"instances": [...]}')
    if "instances" not in document:
        raise Refusal('the body has no "instances": expected {"instances": [...]}')
    instances = document["instances"]
    if type(instances) is not list:
        raise Refusal(f'"instances" is {shown(instances)}: expected a list of rows')
    if not instances:
        raise Refusal('"instances" is empty: expected at least one row')
    first = type(instances[0])
    if first is dict:
        return Rows(len(instances), _from_objects(instances, names))
    if first is list:
        return Rows(len(instances), _from_lists(instances, names))
    raise Refusal(f"instances, row 0: {shown(instances[0])} is neither an object nor a list of values")


def write_v1(predictions: Predictions) -> dict[str, Any]:
    """The V1 answer.

    With labels alone ``predictions`` holds one label per row, with probabilities alone one list per row (as
    KServe's own scikit-learn server gives them). With both, ``predictions`` holds the labels and a second key,
    ``probabilities``, the lists.
    """
    if predictions.probabilities is None:
        return {"predictions": predictions.label_values()}
    probabilities = predictions.probabilities.tolist()
    if predictions.labels is None:
        return {"predictions": probabilities, "classes": predictions.classes}
    return {
        "predictions": predictions.label_values(),
        "probabilities": probabilities,
        "classes": predictions.classes,
    }
