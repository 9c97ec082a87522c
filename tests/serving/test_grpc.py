"""gRPC, when it is asked for: KServe's own client in the serving environment."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.serving.payload_parts import logged, until

CLIENT = """
import json, sys
import grpc
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb, grpc_predict_v2_pb2_grpc as service

port, document = sys.argv[1], json.loads(sys.argv[2])
stub = service.GRPCInferenceServiceStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
contents = {"FP64": "fp64_contents", "INT64": "int64_contents", "BOOL": "bool_contents", "BYTES": "bytes_contents"}

def infer(inputs, identifier="7", **options):
    tensors = []
    for tensor in inputs:
        data = [value.encode() if isinstance(value, str) else value for value in tensor["data"]]
        tensors.append({**{key: tensor[key] for key in ("name", "shape", "datatype")},
                        "contents": {contents[tensor["datatype"]]: data}})
    return stub.ModelInfer(pb.ModelInferRequest(model_name="flights", id=identifier, inputs=tensors), **options)

def code(call):
    try:
        call()
    except grpc.RpcError as error:
        return [error.code().name, error.details()]

marks = [("x-request-id", "of-a-gateway"), ("x-event-time", "2013-05-01T10:00:00Z")]
good = infer(document["inputs"], "over-grpc", metadata=marks)
bad = [{**t, "data": [float("inf")] * len(t["data"])} if t["name"] == "distance" else t for t in document["inputs"]]
ready = [stub.ServerReady(pb.ServerReadyRequest()).ready, stub.ModelReady(pb.ModelReadyRequest(name="flights")).ready]
print(json.dumps({
    "ready": ready,
    "id": good.id,
    "labels": [value.decode() for value in good.outputs[0].contents.bytes_contents],
    "bad": code(lambda: infer(bad)),
    "missing": code(lambda: infer(document["inputs"][1:])),
    "load": code(lambda: stub.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name="flights"))),
    "unload": code(lambda: stub.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name="flights"))),
}))
"""


def bad_requests(server: Any) -> float:
    line = 'inference_requests_total{code="422",model="flights",version="3"} '
    metrics = server.call("GET", "/metrics")[2].decode().splitlines()
    return next((float(found.removeprefix(line)) for found in metrics if found.startswith(line)), 0.0)


def test_grpc_gets_the_same_answers_checks_and_blocks(
    server: Any, serve_python: Path, instances: list[dict[str, Any]], as_tensors: Any
) -> None:
    rows = [instances[0], instances[2]]
    document = as_tensors([{**row, "hour": int(row["hour"])} for row in rows])
    before = bad_requests(server)
    done = subprocess.run(
        [str(serve_python), "-c", CLIENT, str(server.grpc_port), json.dumps(document)],
        stdout=subprocess.PIPE,
        check=True,
    )
    seen = json.loads(done.stdout)
    expected = server.call("POST", "/v1/models/flights:predict", {"instances": rows})[2]["predictions"]
    assert (seen["ready"], seen["id"], seen["labels"]) == ([True, True], "over-grpc", expected)
    assert seen["bad"][0] == seen["missing"][0] == "INVALID_ARGUMENT"
    assert "column 'distance', row 0" in seen["bad"][1]
    assert "missing column 'distance'" in seen["missing"][1]
    assert "by releases only" in seen["load"][1]
    assert "by releases only" in seen["unload"][1]
    assert bad_requests(server) == before + 2
    until(lambda: [row for row in logged(server.payloads) if row["_request_id"] == "over-grpc"])
    found = [row for row in logged(server.payloads) if row["_request_id"] == "over-grpc"]
    assert [(row["_row"], row["_prediction"]) for row in found] == list(enumerate(expected))
    assert {row["_event_time"] for row in found} == {datetime(2013, 5, 1, 10, tzinfo=UTC)}
    # Of the bad ones, that with readable rows is known by the id in its body.
    until(lambda: [row for row in logged(server.payloads) if (row["_request_id"], row["_status"]) == ("7", 422)])
