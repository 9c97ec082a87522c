"""A small model with a column of every kind, and the predictor around it: in this process and as a real server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from kfp_lifecycle.core.inputs import model_inputs
from kfp_lifecycle.core.model import Column, Signature, save_model
from kfp_lifecycle.serving.exchange import Exchange

COLUMNS = (
    Column("distance", "number", False),
    Column("hour", "integer", False),
    Column("holiday", "boolean", False),
    Column("carrier", "category", False),
    Column("wind", "number", True),
    Column("dest", "category", True),
    Column("gate", "integer", True),
    Column("rain", "boolean", True),
)
SIGNATURE = Signature("classification", "late", ("no", "yes"), COLUMNS, "sklearn", "yes")
_CATEGORIES = ["carrier", "dest"]


def _rows(count: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "distance": random.uniform(100, 3000, count),
            "hour": random.integers(0, 24, count),
            "holiday": random.random(count) < 0.1,
            "carrier": random.choice(["AA", "B6", "UA"], count).astype(object),
            "wind": random.normal(10, 3, count),
            "dest": random.choice(["LAX", "ORD"], count).astype(object),
            "gate": random.integers(1, 40, count).astype(float),
            "rain": (random.random(count) < 0.3).astype(object),
        }
    )
    for name in ("wind", "dest", "gate", "rain"):
        frame.loc[random.random(count) < 0.2, name] = None
    return model_inputs(frame, SIGNATURE)


def _pipeline(estimator: Any) -> Pipeline:
    others = [column.name for column in COLUMNS if column.name not in _CATEGORIES]
    return Pipeline(
        [
            (
                "columns",
                ColumnTransformer(
                    [
                        ("numbers", SimpleImputer(), others),
                        ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), _CATEGORIES),
                    ]
                ),
            ),
            ("estimator", estimator),
        ]
    )


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    """Inputs that suit the signature, with missing values where it allows them, as training makes them of a table."""
    return _rows(400)


@pytest.fixture(scope="session")
def signature() -> Signature:
    return SIGNATURE


@pytest.fixture(scope="session")
def classifier(rows: pd.DataFrame) -> Pipeline:
    labels = np.where(rows["distance"] + 100 * rows["hour"] > 2700, "yes", "no")
    return _pipeline(HistGradientBoostingClassifier(max_iter=10, random_state=0)).fit(rows, labels)


@pytest.fixture(scope="session")
def regressor(rows: pd.DataFrame) -> Pipeline:
    return _pipeline(LinearRegression()).fit(rows, rows["distance"] * 2)


@pytest.fixture(scope="session")
def model_directory(
    tmp_path_factory: pytest.TempPathFactory, classifier: Pipeline, signature: Signature, rows: pd.DataFrame
) -> Path:
    directory = tmp_path_factory.mktemp("classifier")
    save_model(directory, classifier, signature, rows)
    return directory


@pytest.fixture(scope="session")
def make_exchange(classifier: Pipeline, signature: Signature) -> Callable[..., Exchange]:
    """An exchange around the classifier; every part can be replaced by keyword."""

    def make(**parts: Any) -> Exchange:
        settings: dict[str, Any] = {
            "name": "flights",
            "version": "3",
            "estimator": classifier,
            "signature": signature,
            "decode": json.loads,
            "encode": lambda value: json.dumps(value, allow_nan=False).encode(),
        }
        return Exchange(**{**settings, **parts})

    return make


@pytest.fixture(scope="session")
def instances() -> list[dict[str, Any]]:
    """Three rows as they stand in a V1 request, the second with every null that is allowed."""
    first = {
        **{"distance": 1400.5, "hour": 18, "holiday": False, "carrier": "AA"},
        **{"wind": 9.5, "dest": "LAX", "gate": 7, "rain": True},
    }
    second = {**first, "hour": 5, "wind": None, "dest": None, "gate": None, "rain": None}
    return [first, second, {**first, "carrier": "never seen", "distance": 90, "hour": 3.0}]


@pytest.fixture(scope="session")
def as_tensors() -> Callable[[Sequence[dict[str, Any]]], dict[str, Any]]:
    """Turns instances into a V2 request with a tensor per column."""
    datatypes = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "category": "BYTES"}

    def turn(instances: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {
            "inputs": [
                {
                    "name": column.name,
                    "shape": [len(instances)],
                    "datatype": datatypes[column.type],
                    "data": [row[column.name] for row in instances],
                }
                for column in COLUMNS
            ]
        }

    return turn


def _serve_python() -> Path:
    default = Path(__file__).resolve().parents[2] / ".venv" / "serve" / "bin" / "python"
    return Path(os.environ.get("KFP_LIFECYCLE_SERVE_PYTHON") or default)


@pytest.fixture(scope="session")
def serve_python() -> Path:
    """The interpreter of the serving environment."""
    python = _serve_python()
    if not python.exists():
        pytest.skip(f"the serving environment is missing: {python} (make env)")
    return python


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    def find() -> int:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port: int = listener.getsockname()[1]
            return port

    return find


@dataclass
class Running:
    """A started server; ``payloads`` is where it logs what it is asked."""

    process: subprocess.Popen[bytes]
    port: int
    grpc_port: int
    log: Path
    payloads: Path

    def listening(self) -> set[tuple[str, int]]:
        """Address and port of everything that the process listens at; an IPv4 address however it is written."""
        found = (one.laddr for one in psutil.Process(self.process.pid).net_connections() if one.status == "LISTEN")
        return {(address.ip.removeprefix("::ffff:"), address.port) for address in found}

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=60)

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        """Code, headers and decoded body of one request; a body that is not bytes is sent as JSON."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = self.connect()
        try:
            connection.request(method, path, content, headers or {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            found = {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()
        return answer.status, found, json.loads(text) if found.get("content-type") == "application/json" else text


Serve = Callable[..., AbstractContextManager[Running]]
_PAYLOADS = "KFP_LIFECYCLE_PAYLOAD_LOG_URI"


@pytest.fixture(scope="session")
def serve(serve_python: Path, free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Starts the predictor and waits until its model is ready."""

    @contextmanager
    def start(directory: Path, *words: str, **environment: str) -> Iterator[Running]:
        port, grpc_port = free_port(), free_port()
        log = tmp_path_factory.mktemp("server") / "log"
        command = [
            *(str(serve_python), "-m", "kfp_lifecycle.serving", "--model_name", "flights"),
            *("--model_dir", str(directory), "--host", "127.0.0.1", "--http_port", str(port)),
            *("--grpc_port", str(grpc_port), *words),
        ]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "KFP_LIFECYCLE_MODEL_VERSION": "3", **environment},
                cwd=log.parent,
            )
        running = Running(process, port, grpc_port, log, Path(environment.get(_PAYLOADS, "")))
        try:
            deadline = time.monotonic() + 120
            while True:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                try:
                    if running.call("GET", "/v2/models/flights/ready")[0] == 200:
                        break
                except OSError:
                    time.sleep(0.1)
            yield running
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    return start


@pytest.fixture(scope="session")
def server(serve: Serve, model_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with gRPC and a payload log that the tests of a process share; none of them changes it."""
    log = {_PAYLOADS: str(tmp_path_factory.mktemp("payloads")), "KFP_LIFECYCLE_PAYLOAD_LOG_SECONDS": "0.2"}
    with serve(model_directory, "--grpc", KFP_LIFECYCLE_LATENCY_BUCKETS="0.02,0.3,2", **log) as running:
        yield running
