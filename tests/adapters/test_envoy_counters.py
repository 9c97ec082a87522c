"""Are the requests of both arms counted at the real Envoy, by itself and through Prometheus, as they were sent?"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.adapters.metrics_stage import Prometheus, start_prometheus, wait
from tests.local.conftest import Services

from kfp_lifecycle.adapters.counters import CounterSource, NoSeries, open_source
from kfp_lifecycle.core import inference_service, settings
from kfp_lifecycle.core.arms import Arms, arms_of
from kfp_lifecycle.core.counters import ArmCounts, ArmSnapshot, Snapshot, counted
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.service_addresses import arm_host
from kfp_lifecycle.local.testing import Cluster, local_cluster

__all__ = ["local_cluster"]
pytestmark = pytest.mark.xdist_group("prometheus")

SERVER = (sys.executable, str(Path(__file__).with_name("obedient_server.py")))
EMPTY = Snapshot(ArmSnapshot(), ArmSnapshot())
NOTHING = ArmCounts(0, 0, 0, 0)
CLUSTER = 'envoy_cluster_name="${namespace}_$arm"'
QUERIES = json.dumps(
    {
        "requests": f"envoy_cluster_upstream_rq_xx{{{CLUSTER}}}",
        "errors": f'envoy_cluster_upstream_rq_xx{{{CLUSTER},envoy_response_code_class="5"}}',
        "refused": f'envoy_cluster_upstream_rq_xx{{{CLUSTER},envoy_response_code_class="4"}}',
        "latency_count": f"envoy_cluster_upstream_rq_time_count{{{CLUSTER}}}",
        "latency_bucket": f"envoy_cluster_upstream_rq_time_bucket{{{CLUSTER}}}",
        "unit": "ms",
    }
)
# Sources by name: what to open, and what else the test has to wait for.
SOURCES = {"envoy": "", "custom": QUERIES}


@pytest.fixture(scope="module")
def cluster(local_cluster: Any) -> Cluster:
    made: Cluster = local_cluster(serve_command=SERVER)
    return made


@pytest.fixture(scope="module")
def prometheus(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    address = cluster.gateway_admin_url.removeprefix("http://")
    made = start_prometheus(tmp_path_factory.mktemp("prometheus"), (address, "/stats/prometheus"))
    yield made
    made.stop()


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> CounterSource:
    for name, value in cluster.environment().items():
        monkeypatch.setenv(name, value)
    if request.param == "envoy":
        # As the local cluster's own settings say.
        return open_source("", "", 250)
    monkeypatch.setenv(settings.PROMETHEUS_URL, request.getfixturevalue("prometheus").url)
    return open_source("custom", QUERIES, 250)


@pytest.fixture
def services(cluster: Cluster, tmp_path: Path) -> Iterator[Services]:
    one = Services(cluster, tmp_path)
    yield one
    one.clean()


@pytest.fixture(params=["Standard", "Knative"])
def canary(request: pytest.FixtureRequest, cluster: Cluster, services: Services) -> Arms:
    """The arms of a service with a canary at 50 %."""
    name = f"counted-{request.param.lower()}"
    if request.param == "Standard":
        services.standard(name, services.arm("1"), services.canary("2", 50))
    else:
        services.knative(name, services.predictor("1"))
        services.knative(name, services.predictor("2"), 50)
    return arms_of(live(cluster, name))


def live(cluster: Cluster, name: str) -> inference_service.LiveService:
    """The service as a step sees it, with the champion that deploy would have named."""
    manifest = cluster.get(name)
    manifest["metadata"]["annotations"][inference_service.CHAMPION_ANNOTATION] = "1"
    return inference_service.read(manifest)


def send(cluster: Cluster, arms: Arms, count: int, **order: Any) -> ArmCounts:
    """Requests until the canary got ``count`` of them under the service's host; what the stable arm got."""
    sent = dict.fromkeys((arms.canary, arms.stable), 0)
    while sent[arms.canary] < count:
        sent[cluster.send(arms.service, order).revision] += 1
    return sent[arms.stable]


def settled(source: CounterSource, arms: Arms, before: Snapshot, expected: tuple[ArmCounts, ArmCounts]) -> Snapshot:
    """Wait until both arms counted what was sent: scrapes and histograms lag behind the answers."""
    found: list[object] = []

    def equal() -> bool:
        canary, stable, memory = counted(before, source.read(arms))
        found[:] = [canary, stable, memory]
        return (canary, stable) == expected

    try:
        wait(equal, "the counts", 15)
    except AssertionError:
        assert tuple(found[:2]) == expected
    memory = found[2]
    assert isinstance(memory, Snapshot)
    return memory


def first(source: CounterSource, arms: Arms) -> Snapshot:
    """The first reading, once the source knows the arms."""
    found: list[Snapshot] = []

    def known() -> bool:
        try:
            found[:] = [source.read(arms)]
        except NoSeries:
            return False
        return True

    wait(known, f"{arms.service} known")
    return found[0]


def test_requests_errors_slow_and_refused_answers_are_those_that_were_sent(
    cluster: Cluster, canary: Arms, source: CounterSource
) -> None:
    good = send(cluster, canary, 20)
    first(source, canary)
    before = settled(source, canary, EMPTY, (ArmCounts(20, 0, 20, 0), ArmCounts(good, 0, good, 0)))
    bad, slow = send(cluster, canary, 5, status=500), send(cluster, canary, 3, sleep=0.3)
    refused = send(cluster, canary, 4, status=422)
    total = bad + slow + refused
    expected = (ArmCounts(12, 5, 12, 3, refused=4), ArmCounts(total, bad, total, slow, refused))
    settled(source, canary, before, expected)


def test_an_objective_off_the_edges_names_envoys(
    cluster: Cluster, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.standard("edges", services.arm("1"), services.canary("2", 50))
    arms = arms_of(live(cluster, "edges"))
    monkeypatch.setenv(settings.ENVOY_ADMIN_URL, cluster.gateway_admin_url)
    silent = open_source("envoy", "", 200).read(arms)
    assert counted(silent, silent)[:2] == (NOTHING, NOTHING)
    send(cluster, arms, 1)
    with pytest.raises(InputError, match=r"0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000"):
        open_source("envoy", "", 200).read(arms)


def test_a_change_of_weights_loses_no_count(
    cluster: Cluster, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.standard("moved", services.arm("1"), services.canary("2", 50))
    arms = arms_of(live(cluster, "moved"))
    monkeypatch.setenv(settings.ENVOY_ADMIN_URL, cluster.gateway_admin_url)
    source = open_source("envoy", "", 0)
    good = send(cluster, arms, 20)
    before = source.read(arms)
    bad = send(cluster, arms, 5, status=500)
    services.standard("moved", services.arm("1"), services.canary("2", 25))
    more = send(cluster, arms, 5)
    canary, stable, _ = counted(before, source.read(arms))
    assert (canary, stable) == (ArmCounts(10, 5, 0, 0), ArmCounts(bad + more, bad, 0, 0))
    assert sum(before.stable.requests.values()) == good


def test_a_canary_that_was_killed_counts_5xx(
    cluster: Cluster, services: Services, source: CounterSource, request: pytest.FixtureRequest
) -> None:
    name = f"killed-{request.node.callspec.id}"
    services.standard(name, services.arm("1"), services.canary("2", 50))
    arms = arms_of(live(cluster, name))
    send(cluster, arms, 10)
    before = first(source, arms)
    own = arm_host(inference_service.Mode.STANDARD, name, "default", "example.com", "v2")
    cluster.signal(arms.canary, signal.SIGKILL)
    sent, seen = 0, 0

    def counts_errors() -> int:
        nonlocal sent, seen, before
        sent += cluster.send(name, {}, host=own).status == 503
        canary, stable, before = counted(before, source.read(arms))
        seen += canary.errors
        assert stable.errors == 0
        return seen

    # Not all of them: the local gateway replaces the cluster of a dead arm, and its counters start anew.
    wait(counts_errors, "errors of the killed canary")
    assert seen <= sent


def test_a_restarted_envoy_counts_from_zero(
    cluster: Cluster, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.standard("again", services.arm("1"), services.canary("2", 50))
    arms = arms_of(live(cluster, "again"))
    monkeypatch.setenv(settings.ENVOY_ADMIN_URL, cluster.gateway_admin_url)
    source = open_source("envoy", "", 0)
    send(cluster, arms, 30)
    before = source.read(arms)
    old = cluster.pids()["gateway"]
    os.kill(old, signal.SIGKILL)
    wait(lambda: cluster.pids()["gateway"] not in (0, old), "another Envoy")
    wait(lambda: answers(lambda: cluster.send("again", {}).status == 200), "requests answered")
    canary, stable, _ = counted(before, first(source, arms))
    assert 1 <= canary.requests + stable.requests <= 30


def answers(call: Callable[[], bool]) -> bool:
    try:
        return call()
    except httpx.TransportError:
        return False
