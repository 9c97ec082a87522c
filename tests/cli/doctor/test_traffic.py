"""What does the doctor say of the counters and the gateway? By a real Prometheus, and stand-ins for gateways."""

from __future__ import annotations

from typing import Any

import pytest
from tests.adapters.metrics_stage import Prometheus, prometheus
from tests.cli.doctor.stand_in import Api, Doctor

from kfp_lifecycle.adapters.prometheus_presence import of_any_service
from kfp_lifecycle.adapters.prometheus_presets import PRESETS
from kfp_lifecycle.local.ports import free_port

__all__ = ["prometheus"]
pytestmark = pytest.mark.xdist_group("prometheus")
PAGES = {
    "knative": """revision_request_count{namespace_name="prod",revision_name="churn-00001"} 7
revision_request_latencies_bucket{namespace_name="prod",revision_name="churn-00001",le="100"} 7
""",
    "knative-otel": """http_server_request_duration_seconds_count{path="/x"} 3
http_server_request_duration_seconds_bucket{path="/x",le="0.1"} 3
target_info{k8s_namespace_name="prod",kn_revision_name="churn-00001",container_name="queue-proxy"} 1
""",
    "istio": """istio_requests_total{reporter="source",destination_service_namespace="prod",destination_service_name="c"} 3
istio_request_duration_milliseconds_bucket{reporter="source",destination_service_namespace="prod",destination_service_name="c",le="1"} 3
""",  # noqa: E501
    "envoy-gateway": """envoy_cluster_upstream_rq_xx{envoy_cluster_name="prod/churn-predictor"} 3
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="prod/churn-predictor",le="1"} 3
""",
}


def choose(monkeypatch: pytest.MonkeyPatch, metrics: str, url: str = "") -> None:
    monkeypatch.setenv("KFP_LIFECYCLE_METRICS", metrics)
    if url:
        monkeypatch.setenv("KFP_LIFECYCLE_PROMETHEUS_URL", url)


def test_the_tests_have_a_page_for_each_preset() -> None:
    assert set(PAGES) == set(PRESETS)


@pytest.mark.parametrize("preset", sorted(PAGES))
def test_a_preset_is_ok_once_prometheus_has_series_of_any_service(
    doctor: Doctor, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch, preset: str
) -> None:
    choose(monkeypatch, preset, prometheus.url)
    before = doctor().of("metrics")
    assert before["level"] == "warning"
    assert "has no series of requests and latencies for any service" in before["text"]
    assert before["remedy"].startswith("Where services already had requests: ")
    target = prometheus.target()
    prometheus.expose(target, PAGES[preset])
    assert doctor().of("metrics")["text"].endswith("has 1 series of requests")
    prometheus.expose(target, "")


def test_queries_of_ones_own_come_with_the_pipeline(
    doctor: Doctor, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, "custom", prometheus.url)
    found = doctor().of("metrics")
    assert found["level"] == "ok"
    assert "come with each pipeline" in found["text"]


def test_a_prometheus_that_is_away_fails(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "istio", f"http://me:password@127.0.0.1:{free_port()}")
    found = doctor().of("metrics")
    assert found["level"] == "failure"
    assert "ConnectError" in found["text"]
    assert "password" not in found["text"]
    assert found["remedy"].startswith("Check KFP_LIFECYCLE_PROMETHEUS_URL")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": "error", "error": "parse error"}, "refuses"),
        ("<html>", "answers as no Prometheus does"),
        ({"status": "success", "data": {"result": [{}]}}, "answers as no Prometheus does"),
        ((403, "no"), "HTTP 403"),
    ],
)
def test_an_answer_that_is_none_of_prometheus_fails(
    api: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, answer: Any, said: str
) -> None:
    api.paths["/api/v1/query"] = answer
    choose(monkeypatch, "istio", api.url)
    found = doctor().of("metrics")
    assert found["level"] == "failure"
    assert said in found["text"]


@pytest.mark.parametrize(
    ("metrics", "level", "fix"),
    [
        ("", "warning", "Set KFP_LIFECYCLE_METRICS to one of custom, envoy,"),
        ("isto", "failure", "Set it to one of custom, envoy,"),
        ("istio", "failure", "Set the key KFP_LIFECYCLE_PROMETHEUS_URL"),
        ("envoy", "failure", "Set the key KFP_LIFECYCLE_ENVOY_ADMIN_URL"),
    ],
)
def test_a_missing_or_misspelt_setting_is_named(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, metrics: str, level: str, fix: str
) -> None:
    choose(monkeypatch, metrics)
    found = doctor().of("metrics")
    assert found["level"] == level
    assert fix in found["remedy"]


def test_an_address_that_is_no_envoys_fails(api: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    api.paths["/stats/prometheus"] = "something else"
    choose(monkeypatch, "envoy")
    monkeypatch.setenv("KFP_LIFECYCLE_ENVOY_ADMIN_URL", api.url)
    found = doctor().of("metrics")
    assert found["level"] == "failure"
    assert "admin address of an Envoy" in found["remedy"]


@pytest.mark.parametrize(
    ("status", "level", "fix"),
    [
        (404, "ok", ""),
        (403, "warning", "KFP_LIFECYCLE_GATEWAY_TOKEN_FILE"),
        (200, "warning", "404 is what one gives to an unknown host"),
        (503, "warning", "404 is what one gives to an unknown host"),
    ],
)
def test_the_gateway_is_asked_for_a_service_that_does_not_exist(
    api: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, status: int, level: str, fix: str
) -> None:
    api.paths["/"] = (status, "x")
    monkeypatch.setenv("KFP_LIFECYCLE_GATEWAY_URL", api.url)
    monkeypatch.setenv("KFP_LIFECYCLE_GATEWAY_DOMAIN", "models.test")
    found = doctor().of("gateway")
    assert found["level"] == level
    assert fix in found["remedy"]
    assert api.asked[-1].headers["Host"] == "kfp-lifecycle-doctor-team.models.test"


def test_a_gateway_that_is_away_fails_and_none_is_fine(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor().level("gateway") == "ok"
    monkeypatch.setenv("KFP_LIFECYCLE_GATEWAY_URL", f"http://127.0.0.1:{free_port()}")
    found = doctor().of("gateway")
    assert found["level"] == "failure"
    assert "ConnectError" in found["text"]
    assert found["remedy"].startswith("Check KFP_LIFECYCLE_GATEWAY_URL")


def test_names_become_patterns_and_the_rest_of_a_query_stays() -> None:
    query = 'a{x="$namespace/$arm",le="0.1",code=~"5.."} or b{y="$service",z=~"$"}'
    assert of_any_service(query) == 'a{x=~".+/.+",le="0.1",code=~"5.."} or b{y=~".+",z=~"$"}'
