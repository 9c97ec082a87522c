"""Logs of the server: warnings and errors, one line each, on standard error; no line per request."""

from __future__ import annotations

import logging
import sys
import warnings


def set_up_logs() -> None:
    """Configure logging before KServe can; it writes about four lines per request by default."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    logging.getLogger("kfp_lifecycle").setLevel(logging.INFO)
    # KServe logs a traceback for every probe of a model that is not ready, and for every bad gRPC request.
    logging.getLogger("kserve").setLevel(logging.CRITICAL)
    # KServe 0.21 uses a response class that newer FastAPI calls deprecated, once per route.
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated.*")
