"""A model server that is ready at once, for releases on the real local cluster.

It takes the predictor's arguments. ``behaviour.json`` in the model folder says what it does otherwise: ``fails`` (its
last line before it ends with status 1), ``status`` (of its predictions), ``never_ready``, ``delay`` (seconds until it
starts), and with ``marker``, a file that the first start makes, what is different from the second start on: ``again``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

parser = argparse.ArgumentParser()
for name in ("--model_name", "--model_dir", "--host", "--http_port"):
    parser.add_argument(name)
options, _ = parser.parse_known_args()
file = Path(options.model_dir) / "behaviour.json"
behaviour = json.loads(file.read_text()) if file.exists() else {}
if marker := behaviour.get("marker"):
    behaviour |= behaviour["again"] if Path(marker).exists() else {}
    Path(marker).touch()
time.sleep(behaviour.get("delay", 0))
if behaviour.get("fails"):
    print("reading the model", behaviour["fails"], sep="\n", file=sys.stderr, flush=True)
    sys.exit(1)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.answer(503 if behaviour.get("never_ready") else 200, {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(behaviour.get("status", 200), {"outputs": [{"name": "predict", "data": [1]}]})

    def answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-model-version", os.environ.get("KFP_LIFECYCLE_MODEL_VERSION", ""))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


ThreadingHTTPServer((options.host, int(options.http_port)), Handler).serve_forever()
