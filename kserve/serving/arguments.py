"""The predictor's command line and the variables that name the version it serves."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kfp_lifecycle.serving.payload_log_settings import PayloadLogSettings, payload_log_settings
from kfp_lifecycle.serving.predictions import Output

VERSION = "KFP_LIFECYCLE_MODEL_VERSION"
DIGEST = "KFP_LIFECYCLE_MODEL_DIGEST"
BUCKETS = "KFP_LIFECYCLE_LATENCY_BUCKETS"

# Seconds. A latency objective can only be read off a histogram at an edge, so the edges can be set.
DEFAULT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Kubernetes kills a pod 30 seconds after SIGTERM unless told otherwise.
_LONGEST_DRAIN = 3600.0


@dataclass(frozen=True)
class Arguments:
    """What the server was asked to do.

    Attributes:
        version: the registered version, "unknown" when the variable is unset.
        digest: the model digest to expect; empty accepts any directory whose checksums hold.
        buckets: upper edges of the latency histogram in seconds, rising.
        payload_log: None when nothing is to be logged.
        payload_log_queue_rows, payload_log_part_rows, payload_log_megabytes: bounds of the log's queue and parts.
    """

    model_name: str
    model_dir: Path
    http_port: int
    host: str
    grpc: bool
    grpc_port: int
    output: Output
    max_body_bytes: int
    input_checks: bool
    threads: int
    rows_at_once: int
    drain_seconds: float
    version: str
    digest: str
    buckets: tuple[float, ...]
    payload_log: PayloadLogSettings | None
    payload_log_queue_rows: int
    payload_log_part_rows: int
    payload_log_megabytes: int


def parse_buckets(text: str) -> tuple[float, ...]:
    """Bucket edges from a comma-separated list; the default edges for an empty one.

    Raises:
        ValueError: the text is not a rising list of positive numbers.
    """
    if not text.strip():
        return DEFAULT_BUCKETS
    try:
        edges = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"{BUCKETS}={text!r}: expected seconds with commas between them") from error
    if not all(math.isfinite(edge) and edge > 0 for edge in edges) or list(edges) != sorted(set(edges)):
        raise ValueError(f"{BUCKETS}={text!r}: expected positive seconds, each above the one before")
    return edges


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= _LONGEST_DRAIN:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {_LONGEST_DRAIN:g}")
    return seconds


def parser() -> argparse.ArgumentParser:
    """The command line. Names with underscores are KServe's own, so that a ServingRuntime reads as usual."""
    command = argparse.ArgumentParser(prog="python -m kfp_lifecycle.serving", allow_abbrev=False)
    command.add_argument("--model_name", required=True, help="name of the model in the protocols' paths")
    command.add_argument("--model_dir", required=True, type=Path, help="directory with model.skops and its neighbours")
    command.add_argument("--http_port", type=int, default=8080)
    command.add_argument("--host", default="0.0.0.0", help="address to listen at; 127.0.0.1 for this machine only")
    command.add_argument("--grpc", action="store_true", help="serve gRPC too")
    command.add_argument("--grpc_port", type=int, default=8081)
    command.add_argument(
        "--output",
        type=Output,
        choices=list(Output),
        default=Output.LABELS,
        help="what an answer holds unless a V2 request names its outputs (default: labels)",
    )
    command.add_argument("--max_body_bytes", type=_positive, default=1 << 20, help="larger bodies get 413")
    command.add_argument("--no_input_checks", action="store_true", help="do not compare values with the signature")
    command.add_argument("--threads", type=_positive, default=1, help="threads that predict")
    command.add_argument(
        "--rows_at_once",
        type=_positive,
        default=256,
        help="waiting requests are predicted together up to this many rows; 1 keeps each apart",
    )
    command.add_argument(
        "--drain_seconds",
        type=_seconds,
        default=0.0,
        help="after SIGTERM, say not ready but go on answering for so long, until gateways have noticed",
    )
    command.add_argument(
        "--payload_log_queue_rows",
        type=_positive,
        default=20_000,
        help="rows that may wait to be written to the payload log; more are dropped and counted",
    )
    command.add_argument(
        "--payload_log_part_rows", type=_positive, default=10_000, help="a part is written when so many rows wait"
    )
    command.add_argument(
        "--payload_log_megabytes", type=_positive, default=64, help="memory that the waiting rows may take, about"
    )
    return command


def parse_arguments(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> Arguments:
    """The arguments of a start of the server.

    Raises:
        SystemExit: the command line is wrong; argparse has said why.
        ValueError: a variable of the environment is wrong.
    """
    known = parser().parse_args(words)
    return Arguments(
        model_name=known.model_name,
        model_dir=known.model_dir,
        http_port=known.http_port,
        host=known.host,
        grpc=known.grpc,
        grpc_port=known.grpc_port,
        output=known.output,
        max_body_bytes=known.max_body_bytes,
        input_checks=not known.no_input_checks,
        threads=known.threads,
        rows_at_once=known.rows_at_once,
        drain_seconds=known.drain_seconds,
        version=environment.get(VERSION, "").strip() or "unknown",
        digest=environment.get(DIGEST, "").strip(),
        buckets=parse_buckets(environment.get(BUCKETS, "")),
        payload_log=payload_log_settings(environment),
        payload_log_queue_rows=known.payload_log_queue_rows,
        payload_log_part_rows=known.payload_log_part_rows,
        payload_log_megabytes=known.payload_log_megabytes,
    )
