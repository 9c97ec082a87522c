"""What a release is judged by: counters of its traffic, and the gateway that the traffic goes through."""

from __future__ import annotations

import httpx

from kfp_lifecycle.adapters import envoy_counters, gateway, prometheus_counters, prometheus_presence
from kfp_lifecycle.adapters.counter_requests import Session
from kfp_lifecycle.adapters.mlflow_connection import public_uri
from kfp_lifecycle.adapters.prometheus_presets import CUSTOM, ENVOY, NAMES, PRESETS
from kfp_lifecycle.cli.doctor_checks.context import Context
from kfp_lifecycle.cli.doctor_checks.examination import Check
from kfp_lifecycle.core import service_addresses, settings
from kfp_lifecycle.core.diagnosis import Finding, failure, ok, warning

_METRICS = "metrics"
_GATEWAY = "gateway"
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_COUNTERS = f"Check {settings.PROMETHEUS_URL} and its token and certificate authority."
_ADDRESS = f"Check {settings.GATEWAY_URL}, its token and certificate authority, and that it can be reached from here."


def checks(context: Context) -> list[Check]:
    """The checks of this module."""
    return [
        Check(_METRICS, _metrics, _COUNTERS, seconds=30),
        Check(_GATEWAY, lambda: _gateway(context), _ADDRESS),
    ]


def _metrics() -> list[Finding]:
    preset = settings.setting(settings.METRICS)
    if not preset:
        remedy = f"Set {settings.METRICS} to one of {', '.join(NAMES)}."
        return [warning(_METRICS, f"{settings.METRICS} is not set, so each pipeline has to name a source", remedy)]
    if preset == ENVOY:
        return [_envoy()]
    if preset == CUSTOM:
        endpoint = prometheus_counters.endpoint()
        prometheus_presence.count_series(endpoint, "vector(1)")
        return [ok(_METRICS, f"{endpoint} answers; the queries of 'custom' come with each pipeline")]
    if preset not in PRESETS:
        remedy = f"Set it to one of {', '.join(NAMES)}."
        return [failure(_METRICS, f"{settings.METRICS} is {preset!r}, which is no source", remedy)]
    return [_preset(preset)]


def _envoy() -> Finding:
    endpoint = envoy_counters.endpoint()
    with Session(endpoint) as session:
        status, body = session.get("/stats/prometheus", {"filter": "^server[.]live$"})
    if status != 200 or b"envoy_server_live" not in body:
        remedy = f"Set {settings.ENVOY_ADMIN_URL} to the admin address of an Envoy."
        return failure(_METRICS, f"{endpoint} answers HTTP {status} without Envoy's statistics", remedy)
    return ok(_METRICS, f"'envoy': {endpoint} gives its counters")


def _preset(preset: str) -> Finding:
    queries, endpoint = PRESETS[preset], prometheus_counters.endpoint()
    asked = {"requests": queries.requests, "latencies": queries.latency_bucket}
    found = {
        what: prometheus_presence.count_series(endpoint, prometheus_presence.of_any_service(query))
        for what, query in asked.items()
    }
    if empty := [what for what, number in found.items() if not number]:
        text = f"{preset!r}: {endpoint} has no series of {' and '.join(empty)} for any service"
        return warning(_METRICS, text, f"Where services already had requests: {queries.hint}")
    return ok(_METRICS, f"{preset!r}: {endpoint} has {found['requests']} series of requests")


def _gateway(context: Context) -> list[Finding]:
    door = gateway.configured()
    if not door.url:
        text = f"{settings.GATEWAY_URL} is not set: steps ask each predictor at its own host"
        return [ok(_GATEWAY, text)]
    domain = settings.setting(settings.GATEWAY_DOMAIN)
    host = service_addresses.service_host("kfp-lifecycle-doctor", context.namespace, domain)
    try:
        answer = httpx.get(
            f"{door.address(host)}/", headers=door.headers(host), timeout=_TIMEOUT, verify=door.verification()
        )
    except httpx.HTTPError as error:
        text = f"{public_uri(door.url)} does not answer: {type(error).__name__}: {error}"
        return [failure(_GATEWAY, text, _ADDRESS)]
    said = f"{public_uri(door.url)} answers HTTP {answer.status_code} to a service that does not exist"
    if answer.status_code in (401, 403):
        remedy = f"Mount a token for it and set {settings.GATEWAY_TOKEN_FILE}, or let the runs' account through."
        return [warning(_GATEWAY, f"{said}: a policy may refuse the steps", remedy)]
    if answer.status_code >= 500 or answer.is_success:
        remedy = f"Check that {settings.GATEWAY_URL} is KServe's gateway; 404 is what one gives to an unknown host."
        return [warning(_GATEWAY, said, remedy)]
    return [ok(_GATEWAY, said)]
