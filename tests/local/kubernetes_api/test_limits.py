"""Is what the server cannot or will not do refused cleanly, and is the state as before?"""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kfp_lifecycle.adapters import request_bodies
from kfp_lifecycle.local.kubernetes_api import Access, Server

Send = Callable[..., tuple[int, Any]]
MAPS = "/api/v1/namespaces/team/configmaps"
SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/team/inferenceservices"
YAML = "application/apply-patch+yaml"


@pytest.fixture
def send(server: Server, access: Access) -> Iterator[Send]:
    """Sends a request as it is; answers status and body."""
    access.add_admin("t")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def sent(method: str, path: str, body: Any = None, form: str = "application/json") -> tuple[int, Any]:
        raw = body if isinstance(body, str | bytes | None) else json.dumps(body)
        connection.request(method, path, raw, {"Authorization": "Bearer t", "Content-Type": form})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text.startswith(b"{") else text

    yield sent
    connection.close()


def test_a_body_of_more_than_three_mebibytes_is_413_and_reading_stops(server: Server, access: Access) -> None:
    access.add_admin("t")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest("POST", MAPS)
    for name, value in (("Authorization", "Bearer t"), ("Content-Length", str(1 << 40))):
        connection.putheader(name, value)
    connection.endheaders(b" " * (3 * 1024 * 1024 + 1))
    assert connection.getresponse().status == 413
    connection.close()


def test_a_body_that_does_not_end_is_given_up(server: Server, access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_bodies, "SECONDS", 0.2)
    access.add_admin("t")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.putrequest("POST", MAPS)
    for name, value in (("Authorization", "Bearer t"), ("Content-Length", "100")):
        connection.putheader(name, value)
    connection.endheaders(b"{")
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["reason"]) == (408, "Timeout")
    connection.close()


@pytest.mark.parametrize(
    ("body", "form"),
    [
        ('{"metadata": {"name": "x"}, "data": {"a": "\\ud800"}}', "application/json"),
        ("[" * 100_000, "application/json"),
        ('{"a":' * 900 + "1" + "}" * 900, "application/json"),
        (b"\xff\xfe", "application/json"),
        ("a: &a [x, x]\nb: *a\n", "application/yaml"),
        ("metadata: {name: x}\ndata: {a: 2026-01-01}\n", "application/yaml"),
        ('{"metadata": {"name": "x", "labels": "none"}}', "application/json"),
        ('{"metadata": []}', "application/json"),
        ('{"metadata": {"name": "x", "ownerReferences": [null]}}', "application/json"),
        ('{"metadata": {"name": "x", "labels": {"a": {}}}}', "application/json"),
        ('{"metadata": {"name": ["x"]}}', "application/json"),
    ],
)
def test_a_body_that_is_nonsense_is_the_clients_fault(send: Send, body: str, form: str) -> None:
    status, answer = send("POST", MAPS, body, form)
    assert status in (400, 422), answer
    assert send("GET", MAPS)[1]["items"] == []


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_json_does_not_have_is_not_stored(send: Send, number: str) -> None:
    pods = "/api/v1/namespaces/team/pods"
    assert send("POST", pods, f'{{"metadata": {{"name": "x"}}, "spec": {{"free": {number}}}}}')[0] == 400
    assert send("GET", pods)[1]["items"] == []


@pytest.mark.parametrize(
    "spec",
    [
        {"predictor": {"model": {"modelFormat": {"name": "x"}, "env": ["A"]}}},
        {"predictor": {"model": {"modelFormat": {"name": "x"}, "env": [{"name": None}]}}},
        {"predictor": {"model": {"modelFormat": {"name": "x"}, "env": {"name": "A"}}}},
        {"predictor": []},
        {"predictor": {}, "canary": [{"trafficPercent": True, "predictor": {}}]},
        {"predictor": {}, "canary": {}},
        {"predictor": {"nodeSelector": {"a": 1}}},
    ],
)
@pytest.mark.parametrize("way", ["create", "apply", "patch"])
def test_a_service_that_breaks_the_schema_is_refused_in_every_way_to_write_it(
    send: Send, service: dict[str, Any], spec: Any, way: str
) -> None:
    if way == "patch":
        assert send("POST", SERVICES, service)[0] == 201
        status, _ = send("PATCH", f"{SERVICES}/flights", {"spec": spec}, "application/merge-patch+json")
    elif way == "create":
        status, _ = send("POST", SERVICES, {**service, "spec": spec})
    else:
        status, _ = send("PATCH", f"{SERVICES}/flights?fieldManager=m", {**service, "spec": spec}, YAML)
    assert status == 422 or (way == "apply" and status == 500)  # the real server words a wrong type in an apply as 500
    stored = [item["spec"] for item in send("GET", SERVICES)[1]["items"]]
    assert stored == ([service["spec"]] if way == "patch" else [])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/nodes"),
        ("GET", "/apis/apps/v1/namespaces/team/deployments"),
        ("GET", "/apis/apps/v1"),
        ("GET", "/api/v1/namespaces/team/services/x"),
        ("POST", "/api/v1/namespaces/team/pods/x/exec"),
        ("GET", "/api/v1/watch/namespaces/team/pods"),
        ("GET", "/openapi/v2"),
        ("DELETE", f"{MAPS}/x?propagationPolicy=Foreground"),
        ("DELETE", f"{MAPS}?propagationPolicy=Orphan"),
        ("DELETE", "/api/v1/namespaces/team"),
    ],
)
def test_what_is_not_served_says_so(send: Send, method: str, path: str) -> None:
    send("POST", MAPS, {"metadata": {"name": "x"}})
    status, answer = send(method, path)
    assert (status, answer["reason"]) == (501, "NotImplemented")
    assert [item["metadata"]["name"] for item in send("GET", MAPS)[1]["items"]] == ["x"]


def test_a_namespace_that_is_empty_can_be_deleted(send: Send) -> None:
    assert send("DELETE", "/api/v1/namespaces/team")[0] == 200
    assert send("POST", MAPS, {"metadata": {"name": "x"}})[0] == 404


def test_a_name_can_not_reach_out_of_its_place(send: Send) -> None:
    for path in (f"{MAPS}/..%2f..%2fx", f"{MAPS}/%00", "/api/v1/namespaces//configmaps", "/apis//x/y"):
        assert send("GET", path)[0] in (404, 405)


def test_an_answer_comes_at_once_on_a_connection_that_stays_open(send: Send) -> None:
    """With Nagle's algorithm on, each answer would take 40 ms."""
    send("POST", MAPS, {"metadata": {"name": "x"}})
    times = []
    for _ in range(30):
        start = time.perf_counter()
        assert send("GET", f"{MAPS}/x")[0] == 200
        times.append(time.perf_counter() - start)
    assert statistics.median(times) < 0.02
