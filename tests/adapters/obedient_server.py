"""A model server that does what each request says: ``{"status": 500, "sleep": 0.2}``."""

from __future__ import annotations

import argparse
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.answer(200)

    def do_POST(self) -> None:
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(order.get("sleep", 0))
        self.answer(order.get("status", 200))

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--model_name", "--model_dir", "--host", "--http_port"):
        parser.add_argument(name)
    options, _ = parser.parse_known_args()
    server = ThreadingHTTPServer((options.host, int(options.http_port)), Handler)
    server.daemon_threads = True
    server.serve_forever()
