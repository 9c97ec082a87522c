"""Is a source of counters refused, in words that repair it, before anything is asked of it?"""

from __future__ import annotations

import json

import pytest

from kfp_lifecycle.adapters.counters import open_source
from kfp_lifecycle.adapters.envoy_counters import EnvoySource
from kfp_lifecycle.adapters.prometheus_counters import PrometheusSource
from kfp_lifecycle.adapters.prometheus_presets import PRESETS, filled
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.arms import Arms
from kfp_lifecycle.core.errors import InputError

GOOD = {
    "requests": 'gateway_requests_total{pod=~"$arm-.*"}',
    "errors": 'gateway_requests_total{pod=~"${arm}-.*$",code=~"5.."}',
    "latency_count": 'gateway_seconds_count{arm="$arm",service="$service",namespace="$namespace"}',
    "latency_bucket": 'gateway_seconds_bucket{arm="$arm"}',
    "unit": "s",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (settings.METRICS, settings.ENVOY_ADMIN_URL, settings.PROMETHEUS_TOKEN_FILE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(settings.PROMETHEUS_URL, "http://prometheus:9090/prefix/")


def refused(metrics: str, queries: dict[str, str] | str = "", slo: float = 250) -> InputError:
    text = json.dumps(queries) if isinstance(queries, dict) else queries
    with pytest.raises(InputError) as caught:
        open_source(metrics, text, slo)
    return caught.value


def test_every_preset_opens() -> None:
    for name in PRESETS:
        source = open_source(name, "", 250)
        assert isinstance(source, PrometheusSource)
        assert source.endpoint.url == "http://prometheus:9090/prefix"
        assert source.tells_refused


def test_an_empty_name_takes_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.METRICS, "envoy")
    monkeypatch.setenv(settings.ENVOY_ADMIN_URL, "http://127.0.0.1:9901")
    source = open_source("", "", 250)
    assert isinstance(source, EnvoySource)
    assert source.tells_refused


def test_an_unknown_preset_lists_the_names() -> None:
    error = refused("prometheus")
    assert error.parameter == "metrics"
    assert "custom, envoy, envoy-gateway, istio, knative, knative-otel" in str(error)


def test_no_name_at_all_names_the_setting() -> None:
    assert settings.METRICS in str(refused(""))


@pytest.mark.parametrize(("name", "needed"), [("istio", settings.PROMETHEUS_URL), ("envoy", settings.ENVOY_ADMIN_URL)])
def test_a_missing_address_names_its_setting(monkeypatch: pytest.MonkeyPatch, name: str, needed: str) -> None:
    monkeypatch.delenv(needed, raising=False)
    assert refused(name).parameter == needed


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://prometheus", "http://", "/metrics"])
def test_an_address_that_is_none_names_its_setting(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(settings.PROMETHEUS_URL, url)
    assert refused("istio").parameter == settings.PROMETHEUS_URL


def test_a_password_in_a_bad_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.PROMETHEUS_URL, "ftp://user:hunter2@prometheus")
    assert "hunter2" not in str(refused("istio"))


@pytest.mark.parametrize("slo", [-1.0, float("nan"), float("inf")])
def test_an_objective_is_a_time(slo: float) -> None:
    assert refused("istio", slo=slo).parameter == "slo_milliseconds"


def test_queries_belong_to_custom_only() -> None:
    assert refused("istio", GOOD).parameter == "queries"


def test_placeholders_are_filled_and_other_dollars_stay() -> None:
    source = open_source("custom", json.dumps(GOOD), 250)
    assert isinstance(source, PrometheusSource)
    arms = Arms("churn", "prod", "churn-v2-predictor", "churn-v1-predictor")
    errors = filled(source.queries.errors, arms, arms.canary)
    assert errors == 'gateway_requests_total{pod=~"churn-v2-predictor-.*$",code=~"5.."}'
    timed = filled(source.queries.latency_count, arms, arms.stable)
    assert timed == 'gateway_seconds_count{arm="churn-v1-predictor",service="churn",namespace="prod"}'


def test_without_an_objective_no_latency_query_is_needed() -> None:
    pair = {key: GOOD[key] for key in ("requests", "errors")}
    assert open_source("custom", json.dumps(pair), 0)
    assert "latency_count, latency_bucket, unit" in str(refused("custom", pair))


def test_queries_of_ones_own_tell_refused_answers_if_they_ask_for_them() -> None:
    assert not open_source("custom", json.dumps(GOOD), 250).tells_refused
    asked = {**GOOD, "refused": 'gateway_requests_total{pod=~"$arm-.*",code=~"4.."}'}
    assert open_source("custom", json.dumps(asked), 250).tells_refused
    assert "add it to refused" in str(refused("custom", {**GOOD, "refused": "x"}))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"requests": 1}', '{"requets": "x"}'])
def test_queries_are_a_json_object_of_known_keys(text: str) -> None:
    assert refused("custom", text).parameter == "queries"


@pytest.mark.parametrize(
    ("key", "query", "said"),
    [
        ("requests", 'rate(x{a="$arm"}[5m])', r"rate\(\)"),
        ("requests", 'irate (x{a="$arm"}[5m])', r"irate\(\)"),
        ("errors", 'increase(x{a="$arm"}[5m])', r"increase\(\)"),
        ("latency_count", 'delta(x{a="$arm"}[5m])', r"delta\(\)"),
        ("latency_bucket", 'max_over_time(x{a="$arm"}[5m])', r"max_over_time\(\)"),
        ("refused", 'Rate # a comment\n (x{a="$arm"}[5m])', r"Rate\(\)"),
        ("requests", 'x{a="$arm"}[5m]', "range"),
        ("requests", 'sum(x{a="$arm"})', "sum out of requests"),
        ("requests", 'sum by (pod) (x{a="$arm"})', "sum out of requests"),
        ("requests", 'SUM(x{a="$arm"})', "SUM out of requests"),
        ("requests", 'Sum by (pod) (x{a="$arm"})', "Sum out of requests"),
        ("refused", 'sum without (pod) (x{a="$arm"})', "sum out of refused"),
        ("requests", "x{a=\"$arm\"} # don't\n + sum(y) # '", "sum out of requests"),
        ("requests", 'x{a="churn"}', r"add it to requests"),
        ("requests", 'x{a="$arm",b="$revision"}', r"\$revision in requests"),
        ("errors", 'inference_requests_total{a="$arm",code=~"5.."}', "counts nothing once it crashed"),
        ("errors", 'request_predict_seconds_count{a="$arm"}', "counts nothing once it crashed"),
        ("errors", '{__name__="inference_request_duration_seconds_count",a="$arm"}', "counts nothing once it crashed"),
        ("unit", "minutes", "ms or s"),
    ],
)
def test_a_query_that_cannot_be_differenced_is_refused(key: str, query: str, said: str) -> None:
    error = refused("custom", {**GOOD, key: query})
    assert error.parameter == "queries"
    with pytest.raises(InputError, match=said):
        raise error


AGGREGATORS = "sum avg count min max group stddev stdvar topk bottomk quantile count_values limitk limit_ratio"
FUNCTIONS = "rate irate increase delta idelta deriv changes resets avg_over_time last_over_time predict_linear"


@pytest.mark.parametrize("name", AGGREGATORS.split())
def test_no_aggregator_is_taken_in_any_case(name: str) -> None:
    for written in (name, name.upper(), name.capitalize()):
        for query in (f'{written}(x{{a="$arm"}})', f'{written} by (pod) (x{{a="$arm"}})'):
            assert f"Take {written} out of requests" in str(refused("custom", {**GOOD, "requests": query}))


@pytest.mark.parametrize("name", FUNCTIONS.split())
def test_no_function_of_a_range_is_taken(name: str) -> None:
    query = f'{name}(x{{a="$arm"}}[5m])'
    assert f"Take {name}() out of requests" in str(refused("custom", {**GOOD, "requests": query}))


@pytest.mark.parametrize(
    "fine",
    [
        'rate_limited_requests_total{path="/rate(x)[5m]",arm="$arm",sum_of=~"[a-z]+"}',
        'job:requests:sum{arm="$arm"}',
        'max_requests{arm="$arm"} * on (pod) group_left (max) target_info',
        'x{arm="$arm"} # never sum(x)',
    ],
)
def test_words_in_texts_names_and_comments_are_no_functions(fine: str) -> None:
    assert open_source("custom", json.dumps({**GOOD, "requests": fine}), 250)


def test_the_presets_keep_the_rules_of_the_users_queries() -> None:
    for queries in PRESETS.values():
        for query in (queries.requests, queries.errors, queries.refused, queries.latency_count, queries.latency_bucket):
            assert "$arm" in query and "$namespace" in query
            assert "rate(" not in query and "[" not in query
