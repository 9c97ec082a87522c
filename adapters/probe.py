"""One inference request to a model server, and what its answer says about the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx
import tenacity

from kfp_lifecycle.adapters.gateway import Gateway, as_check, configured
from kfp_lifecycle.core import service_addresses, settings

# What an arm answers while routes and endpoints still spread, right after it became ready.
_SPREADING = (404, 429, 502, 503, 504)
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
VERSION_HEADER = "x-model-version"


class Answer(StrEnum):
    """What came back."""

    SERVES = "serves"
    POLICY = "policy"  # something between us and the model server refuses the caller: says nothing about the model
    WRONG_VERSION = "wrong_version"  # the address leads to another version
    MODEL_ERROR = "model_error"
    SILENT = "silent"  # nothing answered in time


@dataclass(frozen=True)
class Probe:
    """The result of a probe.

    Attributes:
        milliseconds: of the answer that counted; 0 when none came.
    """

    answer: Answer
    detail: str
    milliseconds: float = 0.0


def probe(
    base_url: str,
    host: str,
    model: str,
    request: Mapping[str, Any],
    *,
    version: str,
    seconds: float,
    ca_file: str = "",
    token_file: str = "",
) -> Probe:
    """Ask ``model`` at an arm's own address for one prediction, again while its routes still spread.

    Args:
        base_url: where to send it; empty for ``http://<host>``.
        host: the Host header, which chooses the arm at a gateway.
        version: what the header ``x-model-version`` must say, where a server sends it.
        seconds: how long an address may stay silent.
        ca_file: certificate authority of an https gateway.
        token_file: read anew for each request, as Kubernetes renews mounted tokens.
    """
    gateway = Gateway(base_url, ca_file, token_file)
    url = f"{gateway.address(host)}/v2/models/{model}/infer"
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_exponential_jitter(initial=0.2, max=2, jitter=0.3),
        retry=tenacity.retry_if_result(lambda result: result.answer in (Answer.SILENT, Answer.WRONG_VERSION)),
        # The last result is the answer; no exception is made of it.
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    with httpx.Client(timeout=_TIMEOUT, verify=gateway.verification()) as client:

        def once() -> Probe:
            try:
                response = client.post(url, json=as_check(request), headers=gateway.headers(host))
            except httpx.TransportError as error:
                return Probe(Answer.SILENT, f"{url} (Host {host}): {type(error).__name__}: {error}")
            return read_answer(response, version)

        result: Probe = retrying(once)
        return result


def denial(service: str, namespace: str) -> str:
    """Why a policy lets no caller through to a service, in words; empty when it does, or when nothing answers."""
    gateway = configured()
    host = service_addresses.service_host(service, namespace, settings.setting(settings.GATEWAY_DOMAIN))
    url = f"{gateway.address(host)}/v2/models/{service}/ready"
    try:
        response = httpx.get(url, headers=gateway.headers(host), timeout=_TIMEOUT, verify=gateway.verification())
    except httpx.TransportError:
        return ""
    if response.status_code not in (401, 403):
        return ""
    return f"not reachable by policy: {host} answers HTTP {response.status_code}: {response.text[:100]}"


def read_answer(response: httpx.Response, version: str) -> Probe:
    """What a response says about the server behind it."""
    said = f"HTTP {response.status_code}: {response.text[:300]}"
    milliseconds = response.elapsed.total_seconds() * 1000
    if response.status_code in (401, 403):
        return Probe(Answer.POLICY, said, milliseconds)
    if response.status_code in _SPREADING:
        return Probe(Answer.SILENT, said, milliseconds)
    served = response.headers.get(VERSION_HEADER, version)
    if served != version:
        return Probe(Answer.WRONG_VERSION, f"version {served} answered, not {version}", milliseconds)
    if response.status_code != 200:
        return Probe(Answer.MODEL_ERROR, said, milliseconds)
    try:
        outputs = response.json()["outputs"]
        values = [value for output in outputs for value in output["data"]]
    except (ValueError, KeyError, TypeError):
        return Probe(Answer.MODEL_ERROR, f"the answer is not of the V2 protocol: {response.text[:300]}", milliseconds)
    if not values or any(value is None for value in values):
        return Probe(Answer.MODEL_ERROR, f"the answer holds no prediction: {response.text[:300]}", milliseconds)
    return Probe(Answer.SERVES, f"{values[0]}", milliseconds)
