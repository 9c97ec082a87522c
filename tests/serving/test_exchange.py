from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import Pipeline

from kfp_lifecycle.core.inputs import model_inputs
from kfp_lifecycle.core.model import Column, Signature
from kfp_lifecycle.serving.exchange import Answer, Call, Exchange, Protocol
from kfp_lifecycle.serving.predictions import Output

Make = Callable[..., Exchange]
Instances = list[dict[str, Any]]


def v1(instances: Any) -> Call:
    return Call(Protocol.V1, json.dumps({"instances": instances}).encode())


def decoded(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


class Stub:
    """An estimator that records the calls made to it and answers by a function of the frame."""

    def __init__(self, respond: Callable[[pd.DataFrame], Any]) -> None:
        self.respond = respond
        self.calls: list[int] = []

    def predict(self, frame: pd.DataFrame) -> Any:
        self.calls.append(len(frame))
        return self.respond(frame)


NUMBER = Signature("regression", "y", None, (Column("x", "number", False),), "stub")


def test_labels_and_probabilities_are_those_of_the_model_itself(
    make_exchange: Make, classifier: Pipeline, signature: Signature, instances: Instances, as_tensors: Any
) -> None:
    exchange = make_exchange(output=Output.BOTH)
    inputs = model_inputs(pd.DataFrame(instances), signature)
    (first, second) = exchange.answer([v1(instances), Call(Protocol.V2, json.dumps(as_tensors(instances)).encode())])
    expected = classifier.predict_proba(inputs)
    assert decoded(first)["predictions"] == classifier.predict(inputs).tolist()
    assert np.allclose(decoded(first)["probabilities"], expected, atol=0)
    labels, probabilities = decoded(second)["outputs"]
    assert labels["data"] == decoded(first)["predictions"]
    assert np.allclose(np.reshape(probabilities["data"], probabilities["shape"]), expected, atol=0)


def test_the_model_sees_what_training_would_have_made_of_the_same_rows(
    make_exchange: Make, signature: Signature, instances: Instances, as_tensors: Any
) -> None:
    seen: list[pd.DataFrame] = []

    def respond(frame: pd.DataFrame) -> Any:
        seen.append(frame)
        return np.array(["no"] * len(frame))

    exchange = make_exchange(estimator=Stub(respond))
    exchange.answer([v1(instances)])
    exchange.answer([Call(Protocol.V2, json.dumps(as_tensors(instances)).encode())])
    exchange.answer([v1([list(row.values()) for row in instances])])
    expected = model_inputs(pd.DataFrame(instances), signature)
    for frame in seen:
        pd.testing.assert_frame_equal(frame, expected)
    assert len(seen) == 3


def test_requests_answered_together_get_what_each_gets_alone(make_exchange: Make, instances: Instances) -> None:
    exchange = make_exchange(output=Output.BOTH)
    calls = [v1(instances[:1]), v1("broken"), v1(instances[1:]), v1([{}]), v1(instances)]
    together = exchange.answer(calls)
    assert [(answer.status, answer.body) for answer in together] == [
        (answer.status, answer.body) for call in calls for answer in exchange.answer([call])
    ]
    assert [answer.status for answer in together] == [200, 400, 200, 422, 200]


def test_requests_that_wait_go_to_the_model_in_one_call_up_to_the_limit(make_exchange: Make) -> None:
    stub = Stub(lambda frame: frame["x"].to_numpy())
    exchange = make_exchange(estimator=stub, signature=NUMBER, rows_at_once=5)
    answers = exchange.answer([v1([{"x": number}] * rows) for number, rows in enumerate([2, 3, 1, 9, 1])])
    assert stub.calls == [5, 1, 9, 1]
    assert [decoded(answer)["predictions"] for answer in answers] == [[0, 0], [1, 1, 1], [2], [3] * 9, [4]]


def test_one_request_that_breaks_the_model_does_not_break_the_others(make_exchange: Make) -> None:
    def respond(frame: pd.DataFrame) -> Any:
        if (frame["x"] < 0).any():
            raise RuntimeError("secret detail")
        return frame["x"].to_numpy()

    exchange = make_exchange(estimator=Stub(respond), signature=NUMBER)
    answers = exchange.answer([v1([{"x": number}]) for number in (1, -1, 2)])
    assert [answer.status for answer in answers] == [200, 500, 200]
    assert b"failed" in answers[1].body
    assert b"secret" not in answers[1].body


@pytest.mark.parametrize("answers", [[1.0, 2.0], [np.nan], [np.inf]])
def test_a_model_that_answers_nonsense_is_an_error_of_the_model(make_exchange: Make, answers: list[float]) -> None:
    exchange = make_exchange(estimator=Stub(lambda frame: np.array(answers)), signature=NUMBER)
    (answer,) = exchange.answer([v1([{"x": 1}])])
    assert answer.status == 500


def test_a_regression_answers_with_numbers_in_both_protocols(
    make_exchange: Make, regressor: Pipeline, signature: Signature, instances: Instances, as_tensors: Any
) -> None:
    regression = Signature("regression", "y", None, signature.columns, "sklearn")
    exchange = make_exchange(estimator=regressor, signature=regression)
    first, second = exchange.answer([v1(instances), Call(Protocol.V2, json.dumps(as_tensors(instances)).encode())])
    assert np.allclose(decoded(first)["predictions"], [2801, 2801, 180], rtol=1e-6)
    (output,) = decoded(second)["outputs"]
    assert output["datatype"] == "FP64"
    assert output["data"] == decoded(first)["predictions"]


@pytest.mark.parametrize("output", [Output.PROBABILITIES, Output.BOTH])
def test_probabilities_of_a_model_without_them_are_refused_at_the_start(
    make_exchange: Make, regressor: Pipeline, signature: Signature, output: Output
) -> None:
    regression = Signature("regression", "y", None, signature.columns, "sklearn")
    with pytest.raises(ValueError, match="--output labels"):
        make_exchange(estimator=regressor, signature=regression, output=output)
    with pytest.raises(ValueError, match="predict_proba"):
        make_exchange(estimator=RidgeClassifier().fit([[0.0], [1.0]], [0, 1]), output=output)


def test_a_request_may_ask_for_other_outputs_than_its_neighbours(
    make_exchange: Make, instances: Instances, as_tensors: Any
) -> None:
    def call(names: Sequence[str]) -> Call:
        document = {**as_tensors(instances), "outputs": [{"name": name} for name in names]}
        return Call(Protocol.V2, json.dumps(document).encode())

    wanted = [["predict_proba"], ["predict"], ["predict_proba", "predict"]]
    answers = make_exchange().answer([*map(call, wanted), v1(instances)])
    assert [[output["name"] for output in decoded(answer)["outputs"]] for answer in answers[:3]] == wanted
    assert list(decoded(answers[3])) == ["predictions"]


def test_without_checks_values_reach_the_model_and_its_refusal_is_still_no_server_error(
    make_exchange: Make, instances: Instances
) -> None:
    exchange = make_exchange(checked=False)
    good, null, text, missing = exchange.answer(
        [
            v1(instances),
            v1([{**instances[0], "distance": None}]),
            v1([{**instances[0], "distance": "far"}]),
            v1([{"distance": 1}]),
        ]
    )
    assert [answer.status for answer in (good, null, text, missing)] == [200, 200, 400, 422]
