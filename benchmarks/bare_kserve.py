"""The server that people write first: a ``kserve.Model`` of ten lines, without checks.

    python benchmarks/bare_kserve.py MODEL_DIR PORT

Around the ten lines: it listens on this machine only, and its logs are off, which makes it faster than it
comes (KServe writes about four lines per request).
"""

from __future__ import annotations

import logging
import sys
from typing import Any

MODEL_DIR, PORT = sys.argv[1], int(sys.argv[2])
sys.argv[1:] = ["--configure_logging=false"]  # KServe parses the command line at import.
logging.disable(logging.WARNING)

import kserve.model_server  # noqa: E402
import pandas as pd  # noqa: E402
from kserve.model import Model  # noqa: E402
from kserve.model_server import ModelServer  # noqa: E402
from kserve.protocol.rest.server import RESTServer  # noqa: E402

from kfp_lifecycle.core.model import load_model  # noqa: E402


class Loopback(RESTServer):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.config.host = "127.0.0.1"


class Bare(Model):
    def load(self) -> bool:
        self.model = load_model(MODEL_DIR)
        self.ready = True
        return self.ready

    async def predict(self, payload: Any, headers: Any = None) -> Any:
        return {"predictions": self.model.predict(pd.DataFrame(payload["instances"])).tolist()}


kserve.model_server.RESTServer = Loopback
model = Bare("model")
model.load()
ModelServer(http_port=PORT, enable_grpc=False, workers=1, enable_latency_logging=False).start([model])
