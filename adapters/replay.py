"""Rows sent to both arms of a service at their own addresses, so that a canary can be judged without its users.

Nothing of it passes the split. The arms answer the same rows one after the other, at a rate that the caller sets.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from kfp_lifecycle.adapters.gateway import Gateway, as_check, configured

PREDICTIONS = "predict"
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_POLICY = (401, 403)


@dataclass(frozen=True)
class ArmAnswer:
    """What an arm answered to one row.

    Attributes:
        status: the HTTP status; 0 when nothing answered.
        value: its prediction; None unless the status is 200 and the answer holds one.
    """

    status: int
    seconds: float
    value: Any = None

    @property
    def failed(self) -> bool:
        """Whether the arm is to blame: its server failed or was silent. A refused input (4xx) is an answer."""
        return self.status == 0 or self.status >= 500

    @property
    def refused(self) -> bool:
        """Whether the arm did not take the row."""
        return 400 <= self.status < 500


@dataclass(frozen=True)
class Replayed:
    """One row and both answers."""

    canary: ArmAnswer
    stable: ArmAnswer

    @property
    def denied(self) -> bool:
        """Whether something between us and the servers refuses the caller, which says nothing about the model."""
        return self.canary.status in _POLICY or self.stable.status in _POLICY


def replay(
    requests: Iterable[Mapping[str, Any]],
    *,
    model: str,
    canary_host: str,
    stable_host: str,
    per_second: float,
    stop: threading.Event,
) -> Iterator[Replayed]:
    """Send each request to both arms, at most ``per_second`` of them a second, until ``stop`` is set.

    The gateway's address, certificate authority and token come from the settings, as for the probe.
    """
    gateway = configured()
    with httpx.Client(timeout=_TIMEOUT, verify=gateway.verification()) as client:
        began = time.monotonic()
        for i, request in enumerate(requests):
            if stop.wait(max(0.0, began + i / per_second - time.monotonic())):
                return
            # Which arm comes first changes, so that neither always finds the caches warm.
            hosts = (canary_host, stable_host) if i % 2 else (stable_host, canary_host)
            answers = {host: _ask(client, gateway, host, model, request) for host in hosts}
            yield Replayed(answers[canary_host], answers[stable_host])


def _ask(client: httpx.Client, gateway: Gateway, host: str, model: str, request: Mapping[str, Any]) -> ArmAnswer:
    url = f"{gateway.address(host)}/v2/models/{model}/infer"
    began = time.monotonic()
    try:
        response = client.post(url, json=as_check(request), headers=gateway.headers(host))
    except httpx.TransportError:
        return ArmAnswer(0, time.monotonic() - began)
    seconds = time.monotonic() - began
    return ArmAnswer(response.status_code, seconds, _prediction(response) if response.status_code == 200 else None)


def _prediction(response: httpx.Response) -> Any:
    """The first value of the output that holds the predictions; None where the answer has none."""
    try:
        outputs = response.json()["outputs"]
        named = [output for output in outputs if output.get("name") == PREDICTIONS] or outputs
        return named[0]["data"][0]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None
