"""The gateway's routes as Envoy resources. Pure.

Field names: Envoy API v3 (config.cluster.v3.Cluster, config.route.v3.RouteConfiguration).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kfp_lifecycle.local.gateway.routing import Backend, HostRoute, ServiceRoute

REVISION_HEADER = "x-kfp-lifecycle-revision"
ROUTES = "services"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_UNLIMITED = 100_000

# Loading and unloading models by request would change what is served behind the InferenceService's back.
_MODEL_REPOSITORY = {
    "match": {
        "prefix": "/v2/repository/",
        "headers": [{"name": ":method", "string_match": {"exact": "POST"}}],
    },
    "direct_response": {
        "status": 403,
        "body": {"inline_string": "models are loaded by their InferenceService only"},
    },
}

# The filter and the answer that Istio uses: 403 with the body "RBAC: access denied".
DENY = {
    "envoy.filters.http.rbac": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute",
        "rbac": {
            "rules": {
                "action": "DENY",
                "policies": {"nobody": {"permissions": [{"any": True}], "principals": [{"any": True}]}},
            }
        },
    }
}


def clusters(services: Iterable[ServiceRoute]) -> list[dict[str, Any]]:
    """One cluster for each backend, by name."""
    found = [_cluster(service, backend) for service in services for backend in service.backends]
    return sorted(found, key=lambda cluster: str(cluster["name"]))


def route_configuration(services: Iterable[ServiceRoute]) -> dict[str, Any]:
    """The one route table: a virtual host for each set of hosts.

    Envoy refuses a whole table in which a host occurs twice, and the hosts of ``a-b`` in ``c`` and ``a`` in ``b-c``
    are equal. The first service by namespace and name keeps such a host, so that one user cannot break another.
    """
    taken: set[str] = set()
    hosts = []
    for service in sorted(services, key=lambda one: (one.namespace, one.service)):
        for number, route in enumerate(service.routes):
            domains = [host for host in dict.fromkeys(route.hosts) if host not in taken]
            taken.update(domains)
            if domains:
                hosts.append(_virtual_host(service, number, domains, route))
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": ROUTES,
        "ignore_port_in_host_matching": True,
        "virtual_hosts": hosts,
    }


def _virtual_host(service: ServiceRoute, number: int, domains: list[str], route: HostRoute) -> dict[str, Any]:
    host: dict[str, Any] = {
        "name": f"{service.namespace}/{service.service}/{number}",
        "domains": domains,
        "routes": [_MODEL_REPOSITORY, {"match": {"prefix": "/"}, **_action(service, route)}],
    }
    if service.denied:
        host["typed_per_filter_config"] = DENY
    return host


def _action(service: ServiceRoute, route: HostRoute) -> dict[str, Any]:
    if sum(weight for _, weight in route.weights) == 0:
        return {"direct_response": {"status": 503, "body": {"inline_string": "no revision takes traffic"}}}
    action: dict[str, Any] = {
        "weighted_clusters": {"clusters": [_share(service, revision, weight) for revision, weight in route.weights]},
        # KServe's default for an HTTPRoute, and Knative's for a revision.
        "timeout": "300s" if service.waits else "60s",
    }
    if service.waits:
        action["retry_policy"] = {
            "retry_on": "connect-failure,refused-stream",
            "num_retries": _UNLIMITED,
            "retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"},
        }
    return {"route": action}


def _share(service: ServiceRoute, revision: str, weight: int) -> dict[str, Any]:
    share: dict[str, Any] = {"name": service.cluster(revision), "weight": weight}
    # A refusal by policy is nobody's answer: it must not look like one of this revision.
    if not service.denied:
        stamp = {"key": REVISION_HEADER, "value": revision}
        share["response_headers_to_add"] = [{"header": stamp, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]
    return share


def _cluster(service: ServiceRoute, backend: Backend) -> dict[str, Any]:
    name = service.cluster(backend.revision)
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [_endpoint(port) for port in backend.ports]}],
        },
        # The controller's readiness decides on weights; these checks feed the metrics and spare a dead server the
        # connections. Slow to judge, so that a busy machine does not take a working server away.
        "health_checks": [
            {
                "timeout": "5s",
                "interval": "2s",
                "no_traffic_interval": "1s",
                "unhealthy_interval": "1s",
                "unhealthy_threshold": 3,
                "healthy_threshold": 1,
                "http_health_check": {"path": backend.ready_path},
            }
        ],
        # 0: never spill over to a server that is known to be dead. 100: always try it, and so wait for it.
        "common_lb_config": {"healthy_panic_threshold": {"value": 100 if service.waits else 0}},
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": _UNLIMITED,
                    "max_pending_requests": _UNLIMITED,
                    "max_requests": _UNLIMITED,
                    "max_retries": _UNLIMITED,
                }
            ]
        },
        # Shorter than the 5 s after which uvicorn closes an idle connection: no request meets a closing one.
        "typed_extension_protocol_options": {
            _HTTP_OPTIONS: {
                "@type": f"type.googleapis.com/{_HTTP_OPTIONS}",
                "common_http_protocol_options": {"idle_timeout": "3s"},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }


def _endpoint(port: int) -> dict[str, Any]:
    return {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
