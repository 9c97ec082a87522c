"""What the server answers, and that a refused delivery starts nothing."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import httpx
import pytest
from cloudevents.core.bindings import http as bindings
from cloudevents.core.v1.event import CloudEvent
from tests.adapters.stand_in_kfp import StandInKfp
from tests.triggers.conftest import SECRET, Stage, TriggerServer, alert_group

LIMIT = 1 << 20


def event(id: str = "1", **attributes: Any) -> CloudEvent:
    known = {"type": "com.example.data.arrived", "source": "/lake", "id": id, **attributes}
    return CloudEvent(known, {"model": "churn"})


def send(server: TriggerServer, message: bindings.HTTPMessage) -> httpx.Response:
    return server.client.post("/cloudevents", content=message.body, headers=message.headers)


def test_an_alert_starts_a_run_and_a_second_delivery_names_it(server: TriggerServer, stand_in_kfp: StandInKfp) -> None:
    first, again = server.alert(), server.alert()
    assert (first.status_code, again.status_code) == (202, 202)
    [run] = first.json()["runs"]
    assert run["started"] is True
    assert again.json()["runs"] == [{**run, "started": False}]
    assert [each["run_id"] for each in stand_in_kfp.runs] == [run["run_id"]]
    assert stand_in_kfp.runs[0]["runtime_config"]["parameters"] == {"model": "churn"}
    assert stand_in_kfp.runs[0]["pipeline_version_reference"]["pipeline_version_id"] == "v1"


def test_the_same_alert_at_another_time_starts_the_next_run(server: TriggerServer, stand_in_kfp: StandInKfp) -> None:
    server.alert()
    server.alert(starts="2026-11-25T06:00:00Z")
    assert len(stand_in_kfp.runs) == 2


def test_a_group_of_alerts_starts_a_run_for_each_that_is_mapped(
    server: TriggerServer, stand_in_kfp: StandInKfp
) -> None:
    group = alert_group()
    others = [alert_group(model="fraud"), alert_group(alertname="Cheese"), alert_group(status="resolved", model="old")]
    group["alerts"] += [other["alerts"][0] for other in others]
    answer = server.alert(group).json()
    assert [run["rule"] for run in answer["runs"]] == ["drift", "drift"]
    assert (answer["ignored"], answer["unmapped"]) == (1, 1)
    parameters = [run["runtime_config"]["parameters"]["model"] for run in stand_in_kfp.runs]
    assert parameters == ["churn", "fraud"]


def test_the_end_of_an_alert_is_no_error_and_starts_nothing(server: TriggerServer, stand_in_kfp: StandInKfp) -> None:
    # Alertmanager sends it by default, and would report a refusal as a failed notification.
    answer = server.alert(status="resolved")
    assert (answer.status_code, answer.json()) == (200, {"runs": [], "held": [], "ignored": 1, "unmapped": 0})
    assert stand_in_kfp.runs == []


def test_a_cloudevent_is_the_same_in_both_modes(server: TriggerServer, stand_in_kfp: StandInKfp) -> None:
    structured = send(server, bindings.to_structured_event(event()))
    binary = send(server, bindings.to_binary_event(event(datacontenttype="application/json")))
    assert (structured.status_code, binary.status_code) == (202, 202)
    assert structured.json()["runs"][0]["run_id"] == binary.json()["runs"][0]["run_id"]
    assert [run["runtime_config"]["parameters"] for run in stand_in_kfp.runs] == [{"model": "churn"}]


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/alertmanager", {"content-type": "application/json"}, b"{", 400),
        ("/alertmanager", {"content-type": "application/json"}, b"[]", 400),
        ("/alertmanager", {"content-type": "application/json"}, b"[" * 100_000, 400),
        ("/alertmanager", {"content-type": "application/json"}, b"\xff", 400),
        ("/alertmanager", {"content-type": "application/json"}, b'{"version":"4","alerts":[]}', 400),
        ("/alertmanager", {"content-type": "text/plain"}, b"{}", 415),
        ("/cloudevents", {"content-type": "application/json"}, b"{}", 400),
        ("/cloudevents", {"content-type": "application/cloudevents+json"}, b"{}", 400),
        ("/cloudevents", {"content-type": "application/cloudevents+json"}, b"5", 400),
        ("/cloudevents", {"content-type": "application/cloudevents+json"}, b"[" * 100_000, 400),
        ("/cloudevents", {"ce-specversion": "1.0", "ce-type": "t", "ce-source": "s"}, b"", 400),
        ("/cloudevents", {"ce-specversion": "7", "ce-id": "1", "ce-type": "t", "ce-source": "s"}, b"", 400),
        ("/cloudevents", {"ce-specversion": "1.0", "ce-id": "1", "ce-type": "t", "ce-source": "s", "ce-time": "x"},
         b"", 400),
        ("/nowhere", {}, b"", 404),
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused(
    server: TriggerServer, stand_in_kfp: StandInKfp, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = server.client.post(path, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert stand_in_kfp.runs == []


def test_an_event_without_an_id_is_malformed_as_each_delivery_would_be_another_one(
    server: TriggerServer, stand_in_kfp: StandInKfp
) -> None:
    content = {"specversion": "1.0", "type": "com.example.data.arrived", "source": "/lake", "data": {"model": "churn"}}
    headers = {"content-type": "application/cloudevents+json"}
    answer = server.client.post("/cloudevents", content=json.dumps(content), headers=headers)
    assert (answer.status_code, stand_in_kfp.runs) == (400, [])
    assert "no id" in answer.json()["detail"]


def test_binary_mode_with_broken_json_is_malformed(server: TriggerServer, stand_in_kfp: StandInKfp) -> None:
    message = bindings.to_binary_event(event(datacontenttype="application/json"))
    answer = send(server, bindings.HTTPMessage(message.headers, b'{"model": '))
    assert (answer.status_code, stand_in_kfp.runs) == (400, [])


def test_an_event_that_lacks_what_its_rule_looks_up_is_malformed(
    server: TriggerServer, stand_in_kfp: StandInKfp
) -> None:
    group = alert_group()
    del group["alerts"][0]["labels"]["model"]
    answer = server.alert(group)
    assert (answer.status_code, stand_in_kfp.runs) == (400, [])
    assert "labels.model" in answer.json()["detail"]


def test_an_unknown_mapping_is_404(server: TriggerServer, stand_in_kfp: StandInKfp) -> None:
    assert server.alert(alertname="Cheese").status_code == 404
    assert server.alert(receiver="somebody-else").status_code == 404
    assert send(server, bindings.to_structured_event(event(type="com.example.other"))).status_code == 404
    assert stand_in_kfp.runs == []


def test_a_rule_whose_pipeline_is_not_there_is_422_and_says_so(server: TriggerServer) -> None:
    answer = send(server, bindings.to_structured_event(event(type="com.example.wrong")))
    assert answer.status_code == 422
    assert "never-uploaded" in answer.json()["detail"]


@pytest.mark.parametrize("chunked", [False, True])
def test_ten_megabytes_are_413(server: TriggerServer, stand_in_kfp: StandInKfp, chunked: bool) -> None:
    body = json.dumps({**alert_group(), "padding": "x" * 10_000_000}).encode()
    pieces = (body[start : start + 65536] for start in range(0, len(body), 65536))
    headers = {"content-type": "application/json"}
    answer = server.client.post("/alertmanager", content=pieces if chunked else body, headers=headers)
    assert answer.status_code == 413
    assert stand_in_kfp.runs == []
    assert server.alert().status_code == 202


def test_a_body_at_the_limit_is_taken_and_one_byte_more_is_not(server: TriggerServer) -> None:
    empty = len(json.dumps({**alert_group(), "padding": ""}))
    for more, status in ((0, 202), (1, 413)):
        body = json.dumps({**alert_group(), "padding": "x" * (LIMIT - empty + more)}).encode()
        assert len(body) == LIMIT + more
        answer = server.client.post("/alertmanager", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == status


def test_no_more_is_read_than_the_limit(server: TriggerServer) -> None:
    # What the kernel holds and what the server reads on for, so that its answer arrives, is far below what is offered.
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(
            b"POST /alertmanager HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer " + SECRET.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        sent, piece = 0, b"10000\r\n" + b"x" * 65536 + b"\r\n"
        client.settimeout(60)
        with pytest.raises(OSError):
            while sent < 96 << 20:
                client.sendall(piece)
                sent += 65536
    assert LIMIT <= sent < 48 << 20


def test_nobody_without_the_secret_starts_a_run_or_has_a_body_read(
    server: TriggerServer, stand_in_kfp: StandInKfp
) -> None:
    for header in ("", "Bearer wrong", f"Basic {SECRET}", SECRET, f"Bearer {SECRET}x", "Bearer \xe9"):
        headers = {"Authorization": header.encode("latin-1"), "content-type": "application/json"}
        answer = server.client.post("/alertmanager", json=alert_group(), headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    large = server.client.post("/alertmanager", content=b"x" * (2 * LIMIT), headers={"Authorization": "Bearer wrong"})
    assert large.status_code == 401
    assert stand_in_kfp.runs == []


def test_a_renewed_secret_counts_at_once_and_a_lost_one_lets_nobody_in(server: TriggerServer, stage: Stage) -> None:
    stage.secret.write_text("another-secret-of-many-characters", encoding="utf-8")
    assert server.alert().status_code == 401
    assert server.client.get("/readyz").status_code == 200
    stage.secret.write_text("", encoding="utf-8")
    assert server.client.get("/readyz").status_code == 503
    answer = server.client.post("/alertmanager", json=alert_group(), headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert server.client.get("/healthz").status_code == 200


def test_without_a_secret_only_callers_that_name_loopback_are_let_in(stage: Stage, stand_in_kfp: StandInKfp) -> None:
    server = stage.start(token=False)
    rebound = server.client.post("/alertmanager", json=alert_group(), headers={"Host": "evil.example"})
    assert (rebound.status_code, stand_in_kfp.runs) == (400, [])
    assert server.alert().status_code == 202


def test_kfp_away_is_503_with_a_time_and_starts_the_run_once_it_is_back(
    server: TriggerServer, stage: Stage, stand_in_kfp: StandInKfp
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{free.getsockname()[1]}"
    answer = stage.start(KF_PIPELINES_ENDPOINT=away).alert()
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert server.alert().json()["runs"][0]["started"] is True
    assert len(stand_in_kfp.runs) == 1


def test_a_refusal_by_kfp_is_502_and_reserves_nothing_for_long(server: TriggerServer, stand_in_kfp: StandInKfp) -> None:
    stand_in_kfp.refuse = 403
    assert server.alert().status_code == 502
    stand_in_kfp.refuse = 0
    began = time.monotonic()
    assert server.alert().status_code == 202
    assert time.monotonic() - began < 60
