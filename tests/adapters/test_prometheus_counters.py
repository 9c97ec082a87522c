"""Does each preset count, through a real Prometheus, what its data plane exposes?"""

from __future__ import annotations

import pytest
from tests.adapters.metrics_stage import Prometheus, prometheus, prometheus_url

from kfp_lifecycle.adapters.counters import NoSeries, open_source
from kfp_lifecycle.core.arms import Arms
from kfp_lifecycle.core.counters import ArmCounts, ArmSnapshot, Snapshot, counted
from kfp_lifecycle.core.errors import InputError

__all__ = ["prometheus", "prometheus_url"]
pytestmark = [pytest.mark.usefixtures("prometheus_url"), pytest.mark.xdist_group("prometheus")]

EMPTY = Snapshot(ArmSnapshot(), ArmSnapshot())
# Answers of 2xx, 4xx and 5xx; requests within 100 ms, within 250 ms, all.
CANARY = ((30, 55, 15), (70, 90, 100))
STABLE = ((988, 2, 10), (800, 950, 1000))
EXPECTED = (ArmCounts(100, 15, 100, 10, refused=55), ArmCounts(1000, 10, 1000, 50, refused=2))


def histogram(name: str, labels: str, within: tuple[int, int, int], scale: float = 1.0) -> str:
    edges = (f"{100 * scale:g}", f"{250 * scale:g}", "+Inf")
    lines = [f'{name}_bucket{{{labels},le="{edge}"}} {count}' for edge, count in zip(edges, within, strict=True)]
    return "\n".join([f"# TYPE {name} histogram", *lines, f"{name}_count{{{labels}}} {within[2]}", ""])


def knative(arm: str, codes: tuple[int, int, int], within: tuple[int, int, int]) -> str:
    labels = f'namespace_name="prod",revision_name="{arm}",pod_name="{arm}-x"'
    lines = [
        f'revision_request_count{{{labels},response_code_class="{kind}xx"}} {count}'
        for kind, count in zip("245", codes, strict=True)
    ]
    return "\n".join([*lines, histogram("revision_request_latencies", labels, within)])


def otel(arm: str, codes: tuple[int, int, int], within: tuple[int, int, int], resource: str = "") -> str:
    """As queue-proxy has it: one histogram for each status, whose counts are the requests."""
    name, page = "http_server_request_duration_seconds", ""
    for status, count in zip((200, 404, 503), codes, strict=True):
        # All of the slow requests are among the successes.
        slow = [within[2] - edge if status == 200 else 0 for edge in within]
        labels = f'http_response_status_code="{status}"{resource}'
        page += histogram(name, labels, (count - slow[0], count - slow[1], count), 0.001)
    return page


def istio(arm: str, codes: tuple[int, int, int], within: tuple[int, int, int]) -> str:
    place = f'destination_service_namespace="prod",destination_service_name="{arm}"'
    page = ""
    for reporter in ("source", "destination"):
        labels = f'reporter="{reporter}",{place},destination_workload="{arm}"'
        for code, count in zip((200, 422, 503), codes, strict=True):
            page += f'istio_requests_total{{{labels},response_code="{code}"}} {count}\n'
        page += histogram("istio_request_duration_milliseconds", labels, within)
    return page


def envoy_gateway(arm: str, codes: tuple[int, int, int], within: tuple[int, int, int]) -> str:
    labels = f'envoy_cluster_name="prod/{arm}"'
    lines = [
        f'envoy_cluster_upstream_rq_xx{{envoy_response_code_class="{kind}",{labels}}} {count}'
        for kind, count in zip("245", codes, strict=True)
    ]
    return "\n".join([*lines, histogram("envoy_cluster_upstream_rq_time", labels, within)])


PAGES = {"knative": knative, "istio": istio, "envoy-gateway": envoy_gateway}


def arms(service: str) -> Arms:
    return Arms(service, "prod", f"{service}-v2-predictor", f"{service}-v1-predictor")


@pytest.mark.parametrize("preset", sorted(PAGES))
def test_a_preset_counts_requests_errors_slow_and_refused_answers(prometheus: Prometheus, preset: str) -> None:
    page, named = PAGES[preset], arms(preset)
    prometheus.expose(prometheus.target(), page(named.canary, *CANARY) + page(named.stable, *STABLE))
    canary, stable, _ = counted(EMPTY, open_source(preset, "", 250).read(named))
    assert (canary, stable) == EXPECTED
    # Nothing but latency is left out by an objective of 0.
    canary, stable, _ = counted(EMPTY, open_source(preset, "", 0).read(named))
    assert (canary, stable) == (ArmCounts(100, 15, 0, 0, 55), ArmCounts(1000, 10, 0, 0, 2))


@pytest.mark.parametrize("copied", [False, True], ids=["target_info", "copied_labels"])
def test_knative_otel_finds_the_revision_on_target_info_and_on_copied_labels(
    prometheus: Prometheus, copied: bool
) -> None:
    named = arms(f"otel{int(copied)}")
    activator = f',kn_revision_name="{named.canary}",k8s_namespace_name="prod",container_name="activator"'
    prometheus.expose(prometheus.target(), otel(named.canary, *CANARY, resource=activator))
    for arm, counts in ((named.canary, CANARY), (named.stable, STABLE)):
        resource = f'k8s_namespace_name="prod",kn_revision_name="{arm}",container_name="queue-proxy"'
        page = otel(arm, *counts, resource=f",{resource}" if copied else "")
        prometheus.expose(prometheus.target(), f'{page}target_info{{{resource},service_version="1.20"}} 1\n')
    canary, stable, _ = counted(EMPTY, open_source("knative-otel", "", 250).read(named))
    assert (canary, stable) == EXPECTED


def test_a_restart_a_vanished_pod_and_its_return_are_counted_once(prometheus: Prometheus) -> None:
    named = arms("restarts")
    pod, other = prometheus.target(), prometheus.target()
    prometheus.expose(pod, knative(named.canary, *CANARY))
    prometheus.expose(other, knative(named.stable, *STABLE))
    source = open_source("knative", "", 250)
    before = source.read(named)

    def after(page: str) -> ArmCounts:
        nonlocal before
        prometheus.expose(pod, page)
        canary, stable, before = counted(before, source.read(named))
        assert stable == ArmCounts(0, 0, 0, 0)
        return canary

    assert after(knative(named.canary, *CANARY)) == ArmCounts(0, 0, 0, 0)
    assert after(knative(named.canary, (7, 0, 3), (4, 8, 10))) == ArmCounts(10, 3, 10, 2)
    assert after("") == ArmCounts(0, 0, 0, 0)
    assert after(knative(named.canary, (9, 0, 3), (4, 9, 12))) == ArmCounts(2, 0, 2, 1)


def test_a_preset_that_finds_nothing_says_so_by_name() -> None:
    with pytest.raises(NoSeries) as caught:
        open_source("knative", "", 250).read(arms("nobody"))
    for part in ("metrics='knative'", "nobody-v2-predictor", 'revision_name="nobody-v1-predictor"', "knative-otel"):
        assert part in str(caught.value)


def test_one_silent_arm_is_no_traffic(prometheus: Prometheus) -> None:
    named = arms("silent")
    prometheus.expose(prometheus.target(), knative(named.stable, *STABLE))
    canary, stable, _ = counted(EMPTY, open_source("knative", "", 250).read(named))
    assert (canary.requests, stable.requests) == (0, 1000)


def test_requests_without_a_histogram_are_not_all_slow_and_not_all_fast(prometheus: Prometheus) -> None:
    named = arms("nohistogram")
    prometheus.expose(prometheus.target(), knative(named.stable, *STABLE).partition("# TYPE")[0])
    with pytest.raises(NoSeries, match="revision_request_latencies_bucket"):
        open_source("knative", "", 250).read(named)
    assert open_source("knative", "", 0).read(named).stable.requests


def test_an_objective_off_the_edges_names_the_edges_in_milliseconds(prometheus: Prometheus) -> None:
    named = arms("edges")
    resource = f',k8s_namespace_name="prod",kn_revision_name="{named.stable}",container_name="queue-proxy"'
    prometheus.expose(prometheus.target(), otel(named.stable, *STABLE, resource=resource))
    with pytest.raises(InputError, match=r"slo_milliseconds=200: expected .* in milliseconds: 100, 250\.") as caught:
        open_source("knative-otel", "", 200).read(named)
    assert caught.value.parameter == "slo_milliseconds"


def test_a_query_of_the_users_that_prometheus_cannot_read_is_his_to_repair() -> None:
    with pytest.raises(InputError, match="parse error"):
        open_source("custom", '{"requests": "a{pod=\\"$arm\\"", "errors": "b{pod=\\"$arm\\"}"}', 0).read(arms("bad"))
