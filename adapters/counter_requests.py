"""One GET of a metrics endpoint: bounded in time and size, repeated where a repeat can help."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import tenacity

from kfp_lifecycle.adapters.counter_errors import CounterError
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.errors import InputError

# Seconds: of one attempt, and of everything that one snapshot needs.
_ATTEMPT = 10.0
_PATIENCE = 20.0
_MOST_BYTES = 32 << 20
_TRANSIENT = (429, 500, 502, 503, 504)


class _Transient(CounterError):
    """May be gone in a second."""


@dataclass(frozen=True)
class Endpoint:
    """Where counters are read.

    Attributes:
        name: what it is, for messages.
        ca_file: certificate authority of an https address that the system does not know.
        token_file: bearer token, read anew for each request, as Kubernetes renews mounted tokens.
    """

    name: str
    url: str
    ca_file: str = ""
    token_file: str = ""

    def __str__(self) -> str:
        return f"{self.name} at {_public(self.url)}"


def address(name: str) -> str:
    """The URL that a setting holds, without its last slash.

    Raises:
        InputError: it is missing, or no http or https address.
    """
    value = settings.required(name).rstrip("/")
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        expected = "an address like http://prometheus.monitoring.svc:9090"
        raise InputError(name, _public(value), expected, f"Repair it in the ConfigMap {settings.CONFIG_MAP!r}.")
    return value


def _public(url: str) -> str:
    """The address without a password, fit for a log."""
    return re.sub(r"//[^/@]*@", "//", url)


class Session:
    """The requests of one snapshot; they share a connection and one deadline."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._deadline = time.monotonic() + _PATIENCE
        try:
            verify = ssl.create_default_context(cafile=endpoint.ca_file) if endpoint.ca_file else True
        except OSError as error:
            raise CounterError(f"{endpoint}: its certificate authority {endpoint.ca_file}: {error}") from error
        self._client = httpx.Client(verify=verify)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, query: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer; a status of success, or one that says that the question was wrong.

        Raises:
            CounterError: no such answer came in time.
        """
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(4) | tenacity.stop_after_delay(self._left()),
            wait=tenacity.wait_exponential_jitter(initial=0.2, max=2, jitter=0.3),
            retry=tenacity.retry_if_exception_type(_Transient),
            reraise=True,
        )
        answer: tuple[int, bytes] = retrying(lambda: self._once(path, query))
        return answer

    def _once(self, path: str, query: Mapping[str, str]) -> tuple[int, bytes]:
        seconds = max(min(_ATTEMPT, self._left()), 0.1)
        end = time.monotonic() + seconds
        body = bytearray()
        try:
            with self._client.stream(
                "GET",
                f"{self._endpoint.url}{path}",
                params=dict(query),
                headers=self._headers(),
                timeout=httpx.Timeout(seconds, connect=min(seconds, 3.0)),
            ) as answer:
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > _MOST_BYTES:
                        raise CounterError(f"{self._endpoint}: the answer is larger than {_MOST_BYTES >> 20} MiB")
                    if time.monotonic() > end:
                        raise _Transient(f"{self._endpoint}: no whole answer within {seconds:.1f} s")
        except httpx.HTTPError as error:
            raise _Transient(f"{self._endpoint}: {type(error).__name__}: {error}") from error
        return self._judged(answer.status_code, bytes(body))

    def _judged(self, status: int, body: bytes) -> tuple[int, bytes]:
        if status == 200 or status in (400, 422):
            return status, body
        said = f"{self._endpoint}: HTTP {status}: {body[:300].decode(errors='replace')}"
        if status in (401, 403):
            said += f"; does {settings.PROMETHEUS_TOKEN_FILE} name a token with rights to query?"
        raise (_Transient if status in _TRANSIENT else CounterError)(said)

    def _headers(self) -> dict[str, str]:
        if not self._endpoint.token_file:
            return {}
        try:
            token = Path(self._endpoint.token_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise CounterError(f"{self._endpoint}: its token: {error}") from error
        return {"Authorization": f"Bearer {token}"}

    def _left(self) -> float:
        return self._deadline - time.monotonic()
