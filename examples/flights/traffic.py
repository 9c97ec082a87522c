"""Flights sent as requests, one flight each, over a few kept-alive connections."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

REVISION = "x-kfp-lifecycle-revision"
PROBABILITIES = "predict_proba"


@dataclass(frozen=True)
class Answer:
    """What came back for one flight; ``probability`` is NaN unless ``status`` is 200."""

    status: int
    revision: str
    seconds: float
    probability: float


def send(gateway: str, host: str, model: str, rows: Sequence[dict[str, Any]], connections: int = 4) -> list[Answer]:
    """Send each row to the service through the gateway; answers come back in the order of the rows."""
    answers: list[Answer | None] = [None] * len(rows)
    threads = [
        threading.Thread(
            target=_send_some, args=(Caller(gateway, host, model), rows, answers, i, connections), daemon=True
        )
        for i in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answer or Answer(0, "", 0.0, float("nan")) for answer in answers]


def _send_some(
    caller: Caller, rows: Sequence[dict[str, Any]], answers: list[Answer | None], first: int, step: int
) -> None:
    for i in range(first, len(rows), step):
        answers[i] = caller.ask(rows[i])
    caller.close()


def request_body(row: dict[str, Any]) -> dict[str, Any]:
    """An Open Inference request: one tensor a column, so that every value is checked by name."""
    inputs = [_tensor(name, value) for name, value in row.items()]
    return {"inputs": inputs, "outputs": [{"name": PROBABILITIES}]}


def _tensor(name: str, value: Any) -> dict[str, Any]:
    datatype = "BYTES" if isinstance(value, str) else "INT64" if isinstance(value, int) else "FP64"
    missing = isinstance(value, float) and value != value
    return {"name": name, "shape": [1], "datatype": datatype, "data": [None if missing else value]}


def late_probability(content: bytes) -> float:
    """The probability of the last class, 1 for late, in the answer for one flight."""
    outputs = {output["name"]: output["data"] for output in json.loads(content)["outputs"]}
    return float(outputs[PROBABILITIES][-1])


def per_arm(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Requests, errors and latency of each revision; a request that nobody answered is an arm of its own."""
    arms = []
    for revision in sorted({answer.revision for answer in answers}):
        mine = [answer for answer in answers if answer.revision == revision]
        milliseconds = np.array([answer.seconds for answer in mine]) * 1000
        arms.append(
            {
                "revision": revision or "(no answer)",
                "requests": len(mine),
                "errors": sum(answer.status != 200 for answer in mine),
                "p50_ms": float(np.percentile(milliseconds, 50)),
                "p99_ms": float(np.percentile(milliseconds, 99)),
                "share": len(mine) / len(answers),
            }
        )
    return arms


class Stream:
    """The rows as requests, over and over, while the returned context lasts; ``answers`` are those so far."""

    def __init__(
        self, gateway: str, host: str, model: str, rows: Sequence[dict[str, Any]], connections: int = 4
    ) -> None:
        self.answers: list[Answer] = []
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(Caller(gateway, host, model), rows[i::connections]), daemon=True)
            for i in range(connections)
        ]

    def __enter__(self) -> Stream:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _run(self, caller: Caller, rows: Sequence[dict[str, Any]]) -> None:
        for row in itertools.cycle(rows):
            if self._stopped.is_set():
                break
            self.answers.append(caller.ask(row))
        caller.close()


class Caller:
    """One kept-alive connection to the service."""

    def __init__(self, gateway: str, host: str, model: str) -> None:
        address = urlsplit(gateway)
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        self._headers = {"Host": host, "Content-Type": "application/json"}
        self._path = f"/v2/models/{model}/infer"

    def ask(self, row: dict[str, Any]) -> Answer:
        """Send one flight; a request that nobody answered has status 0 and no revision."""
        start = time.perf_counter()
        try:
            self._connection.request("POST", self._path, json.dumps(request_body(row)), self._headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return Answer(0, "", time.perf_counter() - start, float("nan"))
        seconds = time.perf_counter() - start
        probability = late_probability(content) if response.status == 200 else float("nan")
        return Answer(response.status, response.getheader(REVISION, ""), seconds, probability)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
