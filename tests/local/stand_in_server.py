"""A small stand-in for the model server, as fast to start as a test needs.

It takes the same arguments. ``behaviour.json`` in the model folder says what it does: ``fail_load`` (text of the last
line, exit status 1), ``never_ready``, ``load_seconds``, ``crash_after`` (seconds). Answers name model version and
process.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    ready = False
    version = os.environ.get("KFP_LIFECYCLE_MODEL_VERSION", "0")

    def do_GET(self) -> None:
        self._answer(200 if self.ready else 503, {"ready": self.ready, "environment": dict(os.environ)})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if b"sleep" in body:
            time.sleep(float(json.loads(body)["sleep"]))
        self._answer(200, {"version": self.version, "pid": os.getpid(), "path": self.path})

    def _answer(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-model-version", self.version)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--model_name", "--model_dir", "--host"):
        parser.add_argument(name, required=True)
    parser.add_argument("--http_port", type=int, required=True)
    options, _ = parser.parse_known_args()
    file = Path(options.model_dir) / "behaviour.json"
    behaviour = json.loads(file.read_text()) if file.exists() else {}
    print(f"loading {options.model_dir}", flush=True)
    if "fail_load" in behaviour:
        print(behaviour["fail_load"], file=sys.stderr)
        sys.exit(1)
    if "crash_after" in behaviour:
        threading.Timer(behaviour["crash_after"], os._exit, (3,)).start()
    server = Server((options.host, options.http_port), Handler)
    if not behaviour.get("never_ready"):
        threading.Timer(behaviour.get("load_seconds", 0.0), setattr, (Handler, "ready", True)).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
