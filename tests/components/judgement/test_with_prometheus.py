"""Does a judge reach its verdict through a Prometheus that scrapes more slowly than it looks?"""

from __future__ import annotations

import json

import pytest
from tests.adapters.metrics_stage import start_prometheus

from kfp_lifecycle.core import settings

pytestmark = pytest.mark.slow
CLUSTER = 'envoy_cluster_name="${namespace}_$arm"'
QUERIES = json.dumps(
    {
        "requests": f"envoy_cluster_upstream_rq_xx{{{CLUSTER}}}",
        "errors": f'envoy_cluster_upstream_rq_xx{{{CLUSTER},envoy_response_code_class="5"}}',
        "latency_count": f"envoy_cluster_upstream_rq_time_count{{{CLUSTER}}}",
        "latency_bucket": f"envoy_cluster_upstream_rq_time_bucket{{{CLUSTER}}}",
        "unit": "ms",
    }
)


@pytest.mark.parametrize("mode", ["Standard"], indirect=True)
@pytest.mark.parametrize(("behaviour", "expected"), [({}, "promote"), ({"fail_share": 0.2}, "roll_back")])
def test_by_queries_of_ones_own(stage, judged, mode, behaviour, expected, tmp_path, monkeypatch):
    staged = stage(mode)
    staged.behave("2", **behaviour)
    address = staged.cluster.gateway_admin_url.removeprefix("http://")
    prometheus = start_prometheus(tmp_path, (address, "/stats/prometheus"))
    monkeypatch.setenv(settings.PROMETHEUS_URL, prometheus.url)
    try:
        with staged.cluster.traffic(staged.name, rate=300, body=b'{"inputs": []}'):
            outcome, decision = judged(staged, metrics="custom", queries=QUERIES, checks_per_weight=1)
    finally:
        prometheus.stop()
    assert outcome == expected, decision.reasons
