"""One message to a webhook, whatever its receiver does: bounded in time, repeated where that can help.

The address is a secret: it is in no error and in no log, not even in those of the client.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import tenacity

# Seconds. One try ends after so long however slowly the receiver answers; all tries together after the sum.
TRY_SECONDS = 10.0
_ATTEMPTS = 4
_LONGEST_PAUSE = 5.0
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
_TALKATIVE = ("httpx", "httpcore")
_PORTS = (None, *range(1, 65536))


@dataclass(frozen=True)
class Delivery:
    """Whether a message was taken, else why not, and in how many tries."""

    taken: bool
    reason: str
    attempts: int


# What the client's making raises for an address of a proxy that is none, a kind of proxy that needs another package,
# or certificates that are absent or none.
_UNUSABLE = (httpx.InvalidURL, ImportError, OSError, ValueError)


class _Unanswered(Exception):
    """A try that another one may mend; the message says what happened, without the address."""


def is_address(url: str) -> bool:
    """Whether a message can be sent there at all."""
    try:
        found = httpx.URL(url)
        return found.scheme in ("http", "https") and bool(found.host) and found.port in _PORTS
    except (httpx.InvalidURL, ValueError):
        return False


def deliver(url: str, body: bytes, content_type: str) -> Delivery:
    """Post the body; redirects are not followed, as a message must not go where nobody sent it.

    Proxies and certificates are those of the environment (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE), as a cluster may reach
    its receiver by them only. Where they cannot be used, the message is not taken.
    """
    with _silent():
        return asyncio.run(_deliver(url, body, content_type))


async def _deliver(url: str, body: bytes, content_type: str) -> Delivery:
    retrying = tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        wait=tenacity.wait_exponential_jitter(initial=0.2, max=_LONGEST_PAUSE, jitter=0.3),
        retry=tenacity.retry_if_exception_type(_Unanswered),
        reraise=True,
    )
    headers = {"Content-Type": content_type, "User-Agent": "kfp-lifecycle"}
    reason = ""
    try:
        client = httpx.AsyncClient(timeout=TRY_SECONDS, follow_redirects=False, headers=headers)
    except _UNUSABLE as error:
        return Delivery(False, f"the proxy or certificate settings cannot be used ({type(error).__name__})", 0)
    async with client:
        try:
            async for attempt in retrying:
                with attempt:
                    reason = await _once(client, url, body)
        except _Unanswered as error:
            reason = f"{error}, in {_ATTEMPTS} tries"
    return Delivery(not reason, reason, retrying.statistics["attempt_number"])


async def _once(client: httpx.AsyncClient, url: str, body: bytes) -> str:
    """Why the receiver did not take it, for good; empty when it did. What it answers beyond its status is not read."""
    try:
        async with asyncio.timeout(TRY_SECONDS), client.stream("POST", url, content=body) as response:
            status = response.status_code
    except (TimeoutError, httpx.TimeoutException):
        raise _Unanswered(f"the receiver did not answer within {TRY_SECONDS:g} s") from None
    except (httpx.TransportError, OSError, UnicodeError) as error:
        raise _Unanswered(f"the receiver cannot be talked to ({type(error).__name__})") from None
    if status in _TRANSIENT:
        raise _Unanswered(f"the receiver answered HTTP {status}")
    if 300 <= status < 400:
        return f"the receiver answered HTTP {status}, and a redirection is not followed"
    return "" if 200 <= status < 300 else f"the receiver answered HTTP {status}"


@contextmanager
def _silent() -> Iterator[None]:
    """The client writes the address of every request to its log."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
