"""The payload log of a predictor that runs as a process: what it holds, and what each kind of end leaves of it."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from tests.serving.payload_parts import logged, until

from kfp_lifecycle.core.logged_rows import CHECK_ID

PREDICT = "/v1/models/flights:predict"
INFER = "/v2/models/flights/infer"
JSON = {"content-type": "application/json"}
QUEUE_ROWS, PART_ROWS = 400, 100


def counted(server: Any) -> dict[str, int]:
    """The counters of the log by their short names."""
    _, _, text = server.call("GET", "/metrics")
    lines = [line for line in text.decode().splitlines() if line.startswith("payload_log_")]
    found = {line.split("{")[0].removeprefix("payload_log_"): int(float(line.rsplit(" ", 1)[1])) for line in lines}
    return {name.removesuffix("_total").removeprefix("rows_"): value for name, value in found.items()}


class Load:
    """Requests of one row from several threads, each with an id of its own; remembers which were answered with 200."""

    def __init__(self, server: Any, row: dict[str, Any], threads: int = 4) -> None:
        self.answered: set[str] = set()
        self._server = server
        self._body = json.dumps({"instances": [row]}).encode()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(threads)]

    def _send(self, thread: int) -> None:
        connection = self._server.connect()
        number = 0
        while not self._stop.is_set():
            identifier = f"{thread}-{number}"
            number += 1
            try:
                connection.request("POST", PREDICT, self._body, {**JSON, "x-request-id": identifier})
                answer = connection.getresponse()
                answer.read()
            except (OSError, HTTPException):
                return  # The server has gone.
            if answer.status == 200:
                assert answer.headers["x-request-id"] == identifier
                self.answered.add(identifier)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    @contextmanager
    def running(self) -> Iterator[Load]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self.stop()


@pytest.fixture
def serve_logged(serve: Any, model_directory: Path) -> Callable[..., Any]:
    """Starts the predictor with a log of small bounds."""

    def start(root: object, *words: str, seconds: str = "0.2", **environment: str) -> Any:
        bounds = ("--payload_log_queue_rows", str(QUEUE_ROWS), "--payload_log_part_rows", str(PART_ROWS))
        variables = {"KFP_LIFECYCLE_PAYLOAD_LOG_URI": str(root), "KFP_LIFECYCLE_PAYLOAD_LOG_SECONDS": seconds}
        return serve(model_directory, *bounds, *words, **{**variables, **environment})

    return start


def test_every_request_whose_rows_can_be_read_is_logged_with_its_answer(
    serve_logged: Any, tmp_path: Path, instances: list[dict[str, Any]], as_tensors: Any
) -> None:
    before = datetime.now(UTC)
    hostname = {"HOSTNAME": "flights-v3-predictor-6d9c7b5f4d-x2x7p"}
    with serve_logged(tmp_path, KFP_LIFECYCLE_PAYLOAD_LOG_EXCLUDE="gate", **hostname) as server:
        headers = {**JSON, "x-request-id": "named", "x-event-time": "2013-05-01T10:00:00+02:00"}
        code, answered, v1 = server.call("POST", PREDICT, {"instances": instances}, headers)
        assert (code, answered["x-request-id"]) == (200, "named")
        document = as_tensors(instances[:1])
        outputs = [{"name": "predict_proba"}]
        code, answered, v2 = server.call("POST", INFER, {**document, "id": "in-body", "outputs": outputs})
        assert (code, answered["x-request-id"], v2["id"]) == (200, "in-body", "in-body")
        _, answered, v2 = server.call(
            "POST", INFER, {**document, "id": "also-in-body"}, {**JSON, "x-request-id": "of-a-gateway"}
        )
        assert (answered["x-request-id"], v2["id"]) == ("also-in-body", "also-in-body")
        _, made, v2 = server.call("POST", INFER, document)
        assert made["x-request-id"] == v2["id"]
        refused = {**instances[0], "distance": "far"}
        code, answered, _ = server.call("POST", PREDICT, {"instances": [refused]}, {**JSON, "x-request-id": "refused"})
        assert (code, answered["x-request-id"]) == (422, "refused")
        unreadable = [
            server.call("POST", PREDICT, body)[:2] for body in (b"{", {"instances": [{"a": 1}]}, b"x" * 2**21)
        ]
        assert [code for code, _ in unreadable] == [400, 422, 413]
        assert len({found["x-request-id"] for _, found in unreadable}) == 3
        for row in (instances[0], refused):
            server.call("POST", PREDICT, {"instances": [row]}, {**JSON, "x-request-id": f"{CHECK_ID}1"})
        # As from a step behind a gateway that sets the header itself.
        check = {**document, "id": f"{CHECK_ID}2"}
        assert server.call("POST", INFER, check, {**JSON, "x-request-id": "of-a-gateway"})[0] == 200
        until(lambda: counted(server)["written"] == 7)
        assert counted(server) == {
            **{"logged": 7, "dropped": 0, "written": 7, "failed": 0, "waiting": 0, "requests_ignored": 6}
        }
    rows = sorted(logged(tmp_path), key=lambda row: (row["_arrival_time"], row["_row"]))
    ids = ["named"] * 3 + ["in-body", "also-in-body", made["x-request-id"], "refused"]
    assert [row["_request_id"] for row in rows] == ids
    assert [row["_row"] for row in rows] == [0, 1, 2, 0, 0, 0, 0]
    assert [row["_status"] for row in rows] == [200] * 6 + [422]
    assert [row["_prediction"] for row in rows] == [*v1["predictions"], *[v1["predictions"][0]] * 3, None]
    assert rows[0]["_score"] == rows[3]["_score"] == rows[5]["_score"]
    assert 0 < rows[0]["_score"] < 1
    assert rows[6]["_score"] is rows[6]["distance"] is None
    assert (rows[0]["distance"], rows[1]["wind"], rows[2]["carrier"]) == (1400.5, None, "never seen")
    assert rows[0]["_event_time"] == datetime(2013, 5, 1, 8, tzinfo=UTC)
    assert rows[3]["_event_time"] == rows[3]["_arrival_time"]
    assert all(before <= row["_arrival_time"] <= datetime.now(UTC) for row in rows)
    assert {(row["_revision"], row["_model_version"]) for row in rows} == {("flights-v3-predictor", "3")}
    assert "gate" not in rows[0]
    folders = {path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.parquet")}
    assert folders <= {f"flights/{moment:date=%Y-%m-%d/hour=%H}" for moment in (before, datetime.now(UTC))}


def test_a_clean_stop_under_load_loses_no_row(
    serve_logged: Any, tmp_path: Path, instances: list[dict[str, Any]]
) -> None:
    # A part an hour: all but the full parts is written on the way out. A slow machine must not fill the queue.
    with (
        serve_logged(tmp_path, "--payload_log_queue_rows", "20000", "--drain_seconds", "0.5", seconds="3600") as server,
        Load(server, instances[0]).running() as load,
    ):
        until(lambda: len(load.answered) > 3 * PART_ROWS)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(60)
        load.stop()
        rows = logged(tmp_path)
        ids = [row["_request_id"] for row in rows]
        assert len(ids) == len(set(ids))
        assert load.answered <= set(ids)
        assert all(row["_score"] is not None for row in rows)
        assert f"payload log: {len(ids)} rows written, 0 dropped, 0 lost" in server.log.read_text()


def test_after_kill_9_no_more_is_missing_than_the_queue_and_one_part(
    serve_logged: Any, tmp_path: Path, instances: list[dict[str, Any]]
) -> None:
    with serve_logged(tmp_path, seconds="3600") as server, Load(server, instances[0]).running() as load:
        until(lambda: len(load.answered) > 2 * PART_ROWS + PART_ROWS // 2)
        server.process.kill()
        server.process.wait(60)
        load.stop()
        ids = {row["_request_id"] for row in logged(tmp_path)}
        missing = load.answered - ids
        assert 0 < len(missing) <= QUEUE_ROWS + PART_ROWS
        assert len(ids) >= PART_ROWS


def test_a_store_that_fails_fails_no_prediction(
    serve_logged: Any, tmp_path: Path, instances: list[dict[str, Any]]
) -> None:
    (tmp_path / "flights").write_text("a file where the folder should be")
    with serve_logged(tmp_path) as server:
        for _ in range(5):
            assert server.call("POST", PREDICT, {"instances": instances})[0] == 200
        until(lambda: counted(server)["failed"] == 15)
        (tmp_path / "flights").unlink()
        assert server.call("POST", PREDICT, {"instances": instances})[0] == 200
        until(lambda: counted(server)["written"] == 3)
        text = server.log.read_text()
        assert text.count("parts cannot be written, so rows are lost from now on") == 1
        assert "parts are written again; 15 rows were lost so far" in text
    assert len(logged(tmp_path)) == 3


def test_a_store_that_never_answers_fills_the_queue_and_delays_no_prediction(
    serve_logged: Any, instances: list[dict[str, Any]]
) -> None:
    body = {"instances": instances[:1] * PART_ROWS}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
        endpoint = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        with serve_logged("s3://logs/prod", **keys, **endpoint) as server:
            assert server.call("POST", PREDICT, body)[0] == 200
            # This part is with the writer, which waits for the store.
            until(lambda: counted(server)["waiting"] == 0)
            for _ in range(QUEUE_ROWS // PART_ROWS + 3):
                assert server.call("POST", PREDICT, body)[0] == 200
            assert counted(server) == {
                **{"logged": QUEUE_ROWS + PART_ROWS, "dropped": 3 * PART_ROWS, "waiting": QUEUE_ROWS},
                **{"written": 0, "failed": 0, "requests_ignored": 0},
            }
            server.process.kill()  # To end it in order would take the seconds that it gives the store.


def test_a_name_that_the_model_does_not_have_ends_the_start(
    serve_logged: Any, tmp_path: Path, model_directory: Path
) -> None:
    with (
        pytest.raises(AssertionError, match="cannot serve: KFP_LIFECYCLE_PAYLOAD_LOG_EXCLUDE.*no column 'gaet'"),
        serve_logged(tmp_path, KFP_LIFECYCLE_PAYLOAD_LOG_EXCLUDE="gaet"),
    ):
        pass
