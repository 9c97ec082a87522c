"""Envoy resources from wanted routes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kfp_lifecycle.local.gateway.resources import clusters, route_configuration
from kfp_lifecycle.local.gateway.routing import Backend, HostRoute, ServiceRoute, weighted

BACKEND = Backend("demo-v1-predictor", (9000,), "/v2/models/demo/ready")


def route(namespace: str, service: str, *hosts: str, **fields: bool) -> ServiceRoute:
    split = HostRoute(hosts, (("demo-v1-predictor", 100), ("demo-v2-predictor", 0)))
    return ServiceRoute(namespace, service, (BACKEND,), (split,), **fields)


def test_two_services_with_the_same_host_do_not_break_everybodys_routes() -> None:
    services = [route("c", "a-b", "a-b-c.example.com", "x.example.com"), route("b-c", "a", "a-b-c.example.com")]
    hosts = route_configuration(services)["virtual_hosts"]
    assert [(host["name"], host["domains"]) for host in hosts] == [
        ("b-c/a/0", ["a-b-c.example.com"]),
        ("c/a-b/0", ["x.example.com"]),
    ]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.lists(st.sampled_from("hijk"))), max_size=6))
def test_no_host_occurs_twice(services: list[tuple[str, str, list[str]]]) -> None:
    routes = [route(namespace, service, *hosts) for namespace, service, hosts in services]
    domains = [domain for host in route_configuration(routes)["virtual_hosts"] for domain in host["domains"]]
    assert len(domains) == len(set(domains))


def test_a_backend_without_servers_is_known_and_answers_nothing() -> None:
    service = ServiceRoute("default", "demo", (Backend("demo-v1-predictor", (), "/"),))
    [cluster] = clusters([service])
    assert cluster["load_assignment"]["endpoints"] == [{"lb_endpoints": []}]
    assert cluster["common_lb_config"]["healthy_panic_threshold"]["value"] == 0


def test_only_weights_above_zero_wait_for_health() -> None:
    assert weighted(route("default", "demo", "h")) == {"default_demo-v1-predictor"}


def test_a_route_without_weight_answers_by_itself() -> None:
    service = ServiceRoute("default", "demo", (BACKEND,), (HostRoute(("h",), (("demo-v1-predictor", 0),)),))
    [host] = route_configuration([service])["virtual_hosts"]
    assert host["routes"][-1]["direct_response"]["status"] == 503


def test_a_refusal_by_policy_carries_no_revision() -> None:
    [host] = route_configuration([route("default", "demo", "h", denied=True)])["virtual_hosts"]
    shares = host["routes"][-1]["route"]["weighted_clusters"]["clusters"]
    assert all("response_headers_to_add" not in share for share in shares)
    assert "envoy.filters.http.rbac" in host["typed_per_filter_config"]
