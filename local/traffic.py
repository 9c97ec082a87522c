"""Steady requests to one service, and what became of each of them; for tests and benchmarks."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from kfp_lifecycle.local.gateway.resources import REVISION_HEADER


@dataclass(frozen=True)
class Result:
    """One request.

    Attributes:
        at: when it was sent, seconds of the monotonic clock.
        status: 0 if no answer came; ``error`` says why.
        revision: the arm or revision that it went to, failed or not.
        seconds: until the answer was there.
    """

    at: float
    status: int
    revision: str
    seconds: float
    error: str = ""

    @property
    def failed(self) -> bool:
        """No answer, or one that is not a success."""
        return not 200 <= self.status < 300


class Traffic:
    """Requests from a few threads with a connection each, while the context lasts.

    Args:
        rate: requests a second; 0 sends as fast as the answers come.
        threads: how many requests may be under way at once.
    """

    def __init__(
        self, gateway_url: str, host: str, path: str, *, body: bytes = b"{}", rate: float = 0, threads: int = 4
    ) -> None:
        self._address = urlsplit(gateway_url).netloc
        self._headers = {"Host": host, "Content-Type": "application/json"}
        self._path = path
        self._body = body
        self._rate = rate
        self._numbers = itertools.count()
        self._stopped = threading.Event()
        self._results: list[Result] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        self._began = 0.0

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    @property
    def results(self) -> list[Result]:
        """The finished requests so far, by the time they were sent."""
        return sorted(self._results, key=lambda result: result.at)

    def wait_for(self, count: int, *, timeout: float = 120) -> None:
        """Wait until so many requests are finished."""
        end = time.monotonic() + timeout
        while len(self._results) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(self._results)} of {count} requests within {timeout:.0f} s")
            time.sleep(0.01)

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        while not self._stopped.is_set():
            if self._rate:
                due = self._began + next(self._numbers) / self._rate
                if self._stopped.wait(max(0.0, due - time.monotonic())):
                    break
            self._results.append(self._send(connection))
        connection.close()

    def _send(self, connection: http.client.HTTPConnection) -> Result:
        at = time.monotonic()
        try:
            connection.request("POST", self._path, body=self._body, headers=self._headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return Result(at, 0, "", time.monotonic() - at, f"{type(error).__name__}: {error}")
        revision = answer.getheader(REVISION_HEADER, "")
        return Result(at, answer.status, revision, time.monotonic() - at)


def shares(results: Sequence[Result]) -> Mapping[str, float]:
    """Observed share of each revision, in percent."""
    counts = Counter(result.revision for result in results)
    return {revision: 100 * count / len(results) for revision, count in counts.items()}
