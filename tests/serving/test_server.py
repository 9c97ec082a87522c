"""The predictor as a process, over HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

PREDICT = "/v1/models/flights:predict"
INFER = "/v2/models/flights/infer"
Instances = list[dict[str, Any]]


def test_both_protocols_answer_and_name_the_version(server: Any, instances: Instances, as_tensors: Any) -> None:
    code, headers, v1 = server.call("POST", PREDICT, {"instances": instances})
    assert (code, headers["x-model-version"]) == (200, "3")
    assert set(v1["predictions"]) <= {"no", "yes"}
    outputs = [{"name": "predict"}, {"name": "predict_proba"}]
    for path in (INFER, "/v2/models/flights/versions/3/infer"):
        code, headers, v2 = server.call("POST", path, {**as_tensors(instances), "id": "7", "outputs": outputs})
        assert (code, headers["x-model-version"]) == (200, "3")
        assert (v2["model_name"], v2["model_version"], v2["id"]) == ("flights", "3", "7")
        labels, probabilities = v2["outputs"]
        assert labels["data"] == v1["predictions"]
        assert probabilities["shape"] == [3, 2]
        assert ["yes" if row[1] > 0.5 else "no" for row in zip(*[iter(probabilities["data"])] * 2, strict=True)] == v1[
            "predictions"
        ]


def test_health_and_metadata_follow_the_protocol_and_name_the_version(server: Any) -> None:
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/flights/ready", "/v1/models/flights", "/"):
        code, headers, _ = server.call("GET", path)
        assert (code, headers["x-model-version"]) == (200, "3"), path
    _, _, metadata = server.call("GET", "/v2/models/flights")
    assert {"name": "carrier", "datatype": "BYTES", "shape": [-1]} in metadata["inputs"]
    assert metadata["outputs"] == [
        {"name": "predict", "datatype": "BYTES", "shape": [-1]},
        {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 2]},
    ]


def test_content_types_are_told_apart(server: Any, instances: Instances) -> None:
    body = {"instances": instances}
    for content_type, expected in [
        ("application/json; charset=utf-8", 200),
        ("text/plain", 415),
        ("application/json; charset=utf-16", 415),
    ]:
        code, headers, _ = server.call("POST", PREDICT, body, {"content-type": content_type})
        assert (code, headers["x-model-version"]) == (expected, "3")


def test_bad_values_name_their_column_and_row(server: Any, instances: Instances, as_tensors: Any) -> None:
    bad = [instances[0], {**instances[0], "distance": "far"}]
    for path, body in ((PREDICT, {"instances": bad}), (INFER, as_tensors(bad))):
        code, _, answer = server.call("POST", path, body)
        assert code == 422
        assert "column 'distance', row 1: 'far' is not a finite number" in answer["error"]
    code, _, answer = server.call("POST", PREDICT, b'{"instances": [{"distance": NaN}]}')
    assert code == 400
    assert "not JSON" in answer["error"]


def test_a_body_over_the_limit_is_413_with_and_without_a_length(server: Any) -> None:
    large = b" " * (1 << 20)
    assert server.call("POST", PREDICT, large)[0] == 400
    # Far more than fits into the sockets' buffers: the answer reaches a client that first sends everything.
    code, headers, answer = server.call("POST", PREDICT, large * 24)
    assert (code, headers["connection"]) == (413, "close")
    assert server.call("POST", PREDICT, large + b" ")[0] == 413
    assert "1048576 bytes" in answer["error"]
    # The same without a length: chunks until the server has had enough.
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        headers = ["host: x", "content-type: application/json", "transfer-encoding: chunked", "", ""]
        connection.sendall("\r\n".join([f"POST {INFER} HTTP/1.1", *headers]).encode())
        chunk = b"%x\r\n%b\r\n" % (1 << 16, b" " * (1 << 16))
        for _ in range(17):
            connection.sendall(chunk)
        answer = connection.makefile("rb")
        assert answer.readline().startswith(b"HTTP/1.1 413 ")
        connection.sendall(b"0\r\n\r\n")
        assert answer.read().endswith(b'"}')
    assert server.call("GET", "/v2/models/flights/ready")[0] == 200


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2/repository/models/flights/load", 403),
        ("/v2/repository/models/flights/unload", 403),
        ("/v2/repository/index", 403),
        ("/v1/models/nope:predict", 404),
        ("/v2/models/nope/infer", 404),
        ("/v2/models/flights/versions/2/infer", 404),
        ("/v1/models/flights:explain", 404),
        ("/nowhere", 404),
    ],
)
def test_nothing_but_inference_for_this_model_can_be_posted(server: Any, path: str, expected: int) -> None:
    code, _, answer = server.call("POST", path, {})
    assert code == expected
    assert answer["error"]
    assert server.call("GET", "/v2/models/flights/ready")[0] == 200


def test_metrics_count_by_model_version_and_code_with_the_edges_asked_for(server: Any, instances: Instances) -> None:
    def count(code: str, name: str = "inference_requests_total", more: str = "") -> float:
        text = server.call("GET", "/metrics")[2].decode()
        labels = f'{{code="{code}",{more}model="flights",version="3"}}'
        return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + labels)), 0.0)

    bucket = "inference_request_duration_seconds_bucket"
    before = {code: count(code) for code in ("200", "422", "413")}
    in_time = count("200", bucket, 'le="2.0",')
    server.call("POST", PREDICT, {"instances": instances})
    server.call("POST", PREDICT, {"instances": [{}]})
    server.call("POST", PREDICT, b" " * (1 << 21))
    assert {code: count(code) - before[code] for code in before} == {"200": 1, "422": 1, "413": 1}
    assert count("200", bucket, 'le="2.0",') == in_time + 1
    assert count("200", bucket, 'le="0.3",') > 0


def test_the_server_listens_on_this_machine_only(server: Any) -> None:
    assert server.listening() == {("127.0.0.1", server.port), ("127.0.0.1", server.grpc_port)}


def test_requests_leave_no_line_in_the_log(server: Any, instances: Instances) -> None:
    before = server.log.read_text()
    server.call("POST", PREDICT, {"instances": instances})
    server.call("POST", PREDICT, b"{")
    server.call("GET", "/v2/models/flights/ready")
    assert server.log.read_text() == before


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["instances", "inputs", "name", "data", "shape", "x"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@settings(max_examples=60, deadline=None)
@given(body=st.one_of(JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=30)))
def test_no_body_gets_a_server_error(server: Any, body: bytes) -> None:
    for path in (PREDICT, INFER):
        code, headers, answer = server.call("POST", path, body)
        assert code in (400, 422), (body, answer)
        assert headers["x-model-version"] == "3"


def test_many_connections_at_once_each_get_their_own_answer(
    server: Any, instances: Instances, as_tensors: Callable[..., dict[str, Any]]
) -> None:
    """Pipelined by hand: all requests are sent before any answer is read."""
    alone = [server.call("POST", PREDICT, {"instances": [row]})[2] for row in instances]
    connections = [server.connect() for _ in range(24)]
    for number, connection in enumerate(connections):
        body = json.dumps({"instances": [instances[number % 3]]})
        connection.request("POST", PREDICT, body, {"content-type": "application/json"})
    answers = [json.loads(connection.getresponse().read()) for connection in connections]
    for connection in connections:
        connection.close()
    assert answers == [alone[number % 3] for number in range(24)]
