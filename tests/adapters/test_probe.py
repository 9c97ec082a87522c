"""What the answer to one prediction says about the server behind it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from kfp_lifecycle.adapters import replay
from kfp_lifecycle.adapters.gateway import Gateway
from kfp_lifecycle.adapters.probe import Answer, probe
from kfp_lifecycle.core.logged_rows import CHECK_ID

GOOD = json.dumps({"outputs": [{"name": "predict", "data": [0.5]}]})


class Arm:
    """A model server that answers as told, the last answer for ever."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str, str]] = [(200, GOOD, "2")]
        self.asked: list[tuple[str, dict[str, str], dict]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((self.path, dict(self.headers), body))
                status, content, version = outer.answers[min(len(outer.asked), len(outer.answers)) - 1]
                self.send_response(status)
                if version:
                    self.send_header("x-model-version", version)
                self.end_headers()
                self.wfile.write(content.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


@pytest.fixture
def arm() -> Iterator[Arm]:
    made = Arm()
    yield made
    made.server.shutdown()
    made.server.server_close()


def ask(arm: Arm, seconds: float = 0.5, **options: str):
    return probe(arm.url, "churn-v2-predictor.team", "churn", {"inputs": []}, version="2", seconds=seconds, **options)


def test_the_arm_is_addressed_by_its_host_and_the_services_model_name(arm):
    assert ask(arm).answer is Answer.SERVES
    path, headers, body = arm.asked[0]
    assert (path, headers["Host"], body["inputs"]) == ("/v2/models/churn/infer", "churn-v2-predictor.team", [])


def test_the_body_says_too_that_it_is_a_check_as_a_gateway_may_replace_the_header(arm):
    ask(arm)
    ask(arm)
    replayed = replay._ask(httpx.Client(), Gateway(arm.url), "churn-v2-predictor.team", "churn", {"inputs": []})
    assert replayed.value == 0.5
    ids = [body["id"] for _, _, body in arm.asked]
    assert all(identifier.startswith(CHECK_ID) for identifier in ids)
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("status", "body", "version", "answer"),
    [
        (200, GOOD, "2", Answer.SERVES),
        (200, GOOD, "", Answer.SERVES),
        (200, GOOD, "1", Answer.WRONG_VERSION),
        (401, "RBAC: access denied", "", Answer.POLICY),
        (403, "RBAC: access denied", "", Answer.POLICY),
        (500, "boom", "2", Answer.MODEL_ERROR),
        (422, "column age", "2", Answer.MODEL_ERROR),
        (200, "<html>", "2", Answer.MODEL_ERROR),
        (200, '{"outputs": []}', "2", Answer.MODEL_ERROR),
        (200, '{"outputs": [{"data": [null]}]}', "2", Answer.MODEL_ERROR),
        (503, "no healthy upstream", "", Answer.SILENT),
        (404, "", "", Answer.SILENT),
    ],
)
def test_each_answer_means_one_thing(arm, status, body, version, answer):
    arm.answers = [(status, body, version)]
    assert ask(arm).answer is answer


def test_routes_that_still_spread_are_waited_for(arm):
    arm.answers = [(404, "", ""), (503, "", ""), (200, GOOD, "1"), (200, GOOD, "2")]
    assert ask(arm, seconds=30).answer is Answer.SERVES
    assert len(arm.asked) == 4


@pytest.mark.parametrize("status", [401, 500])
def test_a_clear_no_is_not_asked_again(arm, status):
    arm.answers = [(status, "no", "2"), (200, GOOD, "2")]
    ask(arm, seconds=30)
    assert len(arm.asked) == 1


def test_nobody_listening_is_silence():
    answer = probe("http://127.0.0.1:9", "host", "churn", {}, version="2", seconds=0.3)
    assert answer.answer is Answer.SILENT
    assert "ConnectError" in answer.detail


def test_a_token_is_read_anew_from_its_file(arm, tmp_path):
    token = tmp_path / "token"
    token.write_text("one\n")
    ask(arm, token_file=str(token))
    token.write_text("two\n")
    ask(arm, token_file=str(token))
    assert [headers["Authorization"] for _, headers, _ in arm.asked] == ["Bearer one", "Bearer two"]
