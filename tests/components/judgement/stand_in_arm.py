"""A model server whose failures and slowness are set by a file beside its model folder, read at each request.

Keys: ``fail_share``, ``refuse_share`` and ``slow_share`` (of the predictions, evenly spread), ``slow_seconds``,
``value`` (of each prediction), ``start_seconds`` (before it listens).
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

parser = argparse.ArgumentParser()
for name in ("--model_name", "--model_dir", "--host", "--http_port"):
    parser.add_argument(name)
options, _ = parser.parse_known_args()
file = Path(f"{options.model_dir}.json")
numbers = itertools.count(1)


def behaviour() -> dict[str, Any]:
    return dict(json.loads(file.read_text()))


def falls(number: int, share: float) -> bool:
    """Whether this request is one of an evenly spread share."""
    return int(number * share) > int((number - 1) * share)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.answer(200, {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        number, told = next(numbers), behaviour()
        if falls(number, told.get("slow_share", 0)):
            time.sleep(told.get("slow_seconds", 0))
        status = 500 if falls(number, told.get("fail_share", 0)) else 200
        if falls(number, told.get("refuse_share", 0)):
            status = 422
        self.answer(status, {"outputs": [{"name": "predict", "data": [told.get("value", 1)]}]})

    def answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-model-version", os.environ.get("KFP_LIFECYCLE_MODEL_VERSION", ""))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


time.sleep(behaviour().get("start_seconds", 0))
ThreadingHTTPServer((options.host, int(options.http_port)), Handler).serve_forever()
