"""A KFP API that fails as a test tells it: answers lost, late or refused. What it keeps, it keeps in memory.

The local KFP API is the real one of the tests; this one does what a healthy server cannot be made to do.
"""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SPEC = {
    "pipelineInfo": {"name": "retrain"},
    "root": {"inputDefinitions": {"parameters": {"model": {"parameterType": "STRING", "isOptional": True}}}},
}


class StandInKfp:
    """Serves pipelines, experiments and runs.

    Attributes:
        runs: in the order in which they were made.
        terminated: ids of runs whose end was asked for.
        refuse: an HTTP status for each attempt to start a run; 0 starts it.
        lose: start the run and cut the connection.
        late: seconds before a run is made.
        gate: a run is made once it is set.
        held: requests to start a run that wait for it.
    """

    def __init__(self) -> None:
        self.forget()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                url = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                path = url.path.removeprefix("/apis/v2beta1/")
                status, content = outer.answer(self.command, path, query, json.loads(body) if body else {})
                if status < 0:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                text = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = handle_any

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def forget(self) -> None:
        """No runs and no faults."""
        self.runs: list[dict[str, Any]] = []
        self.terminated: list[str] = []
        self.refuse, self.lose, self.late = 0, False, 0.0
        self.gate = threading.Event()
        self.gate.set()
        self.held = 0

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        predicates = json.loads(query.get("filter", "{}")).get("predicates", [])
        name = predicates[0]["string_value"] if predicates else ""
        if path == "healthz":
            return 200, {"multi_user": False}
        if path == "experiments":
            return 200, {"experiments": [{"experiment_id": "e1", "display_name": name}]}
        if path == "pipelines":
            known = [{"pipeline_id": "p1", "display_name": "retrain"}] if name == "retrain" else []
            return 200, {"pipelines": known}
        if path == "pipelines/p1/versions":
            return 200, {"pipeline_versions": [{"pipeline_version_id": "v1", "pipeline_spec": SPEC}]}
        if path == "runs" and method == "POST":
            return self._start(body)
        if path == "runs":
            return 200, {"runs": [run for run in self.runs if run["display_name"] == name]}
        if path.endswith(":terminate"):
            self.terminated.append(path.split("/")[-1].removesuffix(":terminate"))
            return 200, {}
        found = [run for run in self.runs if path == f"runs/{run['run_id']}"]
        return (200, found[0]) if found else (404, {"code": 5, "message": "not found"})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _start(self, body: dict[str, Any]) -> tuple[int, Any]:
        if self.refuse:
            return self.refuse, {"code": 3, "message": "told to refuse"}
        self.held += 1
        assert self.gate.wait(60)
        self.held -= 1
        time.sleep(self.late)
        run = {"run_id": str(uuid.uuid4()), "state": "PENDING", **body}
        self.runs.append(run)
        return (-1, {}) if self.lose else (200, run)
