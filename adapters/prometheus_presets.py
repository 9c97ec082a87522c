"""The queries by which a Prometheus tells the arms of a service apart, for each kind of data plane.

Each query selects raw counters; ``$service``, ``$namespace`` and ``$arm`` are filled in. Errors are answers with a
status of 5xx, as the proxy before the model server saw them: a server that is gone counts nothing itself. Refused
are those of 4xx, by the same proxy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template

from kfp_lifecycle.core.arms import Arms

CUSTOM = "custom"
ENVOY = "envoy"


@dataclass(frozen=True)
class QuerySet:
    """The queries of one arm.

    Attributes:
        refused: answers of 4xx; empty where nobody tells them.
        latency_count: all requests of the latency histogram; empty without one.
        latency_bucket: its buckets, at every edge.
        unit: of the edges, ``ms`` or ``s``.
        hint: what to look at when nothing is found.
    """

    requests: str
    errors: str
    refused: str = ""
    latency_count: str = ""
    latency_bucket: str = ""
    unit: str = "ms"
    hint: str = ""


def filled(query: str, arms: Arms, arm: str) -> str:
    """The query for one arm; a ``$`` that names nothing of ours, as at the end of a pattern, stays."""
    return Template(query).safe_substitute(service=arms.service, namespace=arms.namespace, arm=arm)


def _with(query: str, matcher: str) -> str:
    return query.replace("{", f"{{{matcher},")


# Queue-proxy's OpenTelemetry exporter puts namespace and revision on target_info alone; a collector in between may
# copy them to each series. The activator counts the same requests under the same name, so the container decides.
_OTEL = (
    'http_server_request_duration_seconds_PART{k8s_namespace_name="$namespace",kn_revision_name="$arm",'
    'container_name="queue-proxy"STATUS} or (http_server_request_duration_seconds_PART{job!=""STATUS} '
    "* on (job, instance) group_left () max by (job, instance) "
    '(target_info{k8s_namespace_name="$namespace",kn_revision_name="$arm",container_name="queue-proxy"}))'
)


def _otel(part: str, status: str = "") -> str:
    return _OTEL.replace("PART", part).replace("STATUS", status)


_KNATIVE = '{namespace_name="$namespace",revision_name="$arm"}'
# The gateway reports for a server that is gone, and names its Service; a workload it could not name. Sidecars of
# the servers report the same requests again, as "destination".
_ISTIO = '{reporter="source",destination_service_namespace="$namespace",destination_service_name="$arm"}'
_ENVOY_GATEWAY = '{envoy_cluster_name="$namespace/$arm"}'

PRESETS: Mapping[str, QuerySet] = {
    "knative": QuerySet(
        requests=f"revision_request_count{_KNATIVE}",
        errors=_with(f"revision_request_count{_KNATIVE}", 'response_code_class="5xx"'),
        refused=_with(f"revision_request_count{_KNATIVE}", 'response_code_class="4xx"'),
        latency_count=f"revision_request_latencies_count{_KNATIVE}",
        latency_bucket=f"revision_request_latencies_bucket{_KNATIVE}",
        hint="Knative 1.19 renamed these metrics: from then on the preset is knative-otel. Does Prometheus scrape "
        "port 9091 of the predictor's pods?",
    ),
    "knative-otel": QuerySet(
        requests=_otel("count"),
        errors=_otel("count", ',http_response_status_code=~"5.."'),
        refused=_otel("count", ',http_response_status_code=~"4.."'),
        latency_count=_otel("count"),
        latency_bucket=_otel("bucket"),
        unit="s",
        hint="Is request-metrics-protocol set to prometheus in Knative's ConfigMap config-observability, and does "
        "Prometheus scrape port 9091 of the predictor's pods?",
    ),
    "istio": QuerySet(
        requests=f"istio_requests_total{_ISTIO}",
        errors=_with(f"istio_requests_total{_ISTIO}", 'response_code=~"5.."'),
        refused=_with(f"istio_requests_total{_ISTIO}", 'response_code=~"4.."'),
        latency_count=f"istio_request_duration_milliseconds_count{_ISTIO}",
        latency_bucket=f"istio_request_duration_milliseconds_bucket{_ISTIO}",
        hint="Does Prometheus scrape port 15020 of the ingress gateway's pods?",
    ),
    "envoy-gateway": QuerySet(
        requests=f"envoy_cluster_upstream_rq_xx{_ENVOY_GATEWAY}",
        errors=_with(f"envoy_cluster_upstream_rq_xx{_ENVOY_GATEWAY}", 'envoy_response_code_class="5"'),
        refused=_with(f"envoy_cluster_upstream_rq_xx{_ENVOY_GATEWAY}", 'envoy_response_code_class="4"'),
        latency_count=f"envoy_cluster_upstream_rq_time_count{_ENVOY_GATEWAY}",
        latency_bucket=f"envoy_cluster_upstream_rq_time_bucket{_ENVOY_GATEWAY}",
        hint="Envoy Gateway counts all backends of a route's rule together. Only where each arm has a rule of its "
        'own, and an EnvoyProxy sets telemetry.metrics.clusterStatName to "%BACKEND_REFS%", can it tell them apart.',
    ),
}
NAMES = tuple(sorted([*PRESETS, CUSTOM, ENVOY]))
