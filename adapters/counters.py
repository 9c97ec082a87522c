"""Counters of a service's two arms, from whatever counts its traffic."""

from __future__ import annotations

import math
from typing import Protocol

from kfp_lifecycle.adapters import envoy_counters, prometheus_counters
from kfp_lifecycle.adapters.counter_errors import CounterError, NoSeries
from kfp_lifecycle.adapters.custom_queries import custom_queries
from kfp_lifecycle.adapters.envoy_counters import EnvoySource
from kfp_lifecycle.adapters.prometheus_counters import PrometheusSource
from kfp_lifecycle.adapters.prometheus_presets import CUSTOM, ENVOY, NAMES, PRESETS
from kfp_lifecycle.core.arms import Arms
from kfp_lifecycle.core.counters import Snapshot
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.settings import CONFIG_MAP, METRICS, setting

__all__ = ["CounterError", "CounterSource", "NoSeries", "open_source"]


class CounterSource(Protocol):
    """Where the raw counters of both arms can be read."""

    @property
    def tells_refused(self) -> bool:
        """Whether refused answers, 4xx, are told apart; if not, as for queries that leave them out, none is read."""
        ...

    def read(self, arms: Arms) -> Snapshot:
        """Both arms as of now; ``core.counters.counted`` makes requests of two readings.

        Raises:
            CounterError: the source did not answer, or not with counters.
            NoSeries: it knows nothing of these arms.
            InputError: a user's mistake that only the source could tell, for example an objective off the buckets.
        """
        ...


def open_source(metrics: str, queries: str, slo_milliseconds: float) -> CounterSource:
    """The source of that name; nothing is asked of it yet.

    Args:
        metrics: a preset's name; empty takes the setting ``KFP_LIFECYCLE_METRICS``.
        queries: for ``custom``: a JSON object with ``requests``, ``errors``, ``latency_count``, ``latency_bucket``,
            each a query for raw counters with ``$arm`` in it, the edges' ``unit``, ``ms`` or ``s``, and, if answers
            of 4xx are to be seen, ``refused``.
        slo_milliseconds: the latency objective, an edge of the histogram's buckets; 0 reads no latency.

    Raises:
        InputError: one of them cannot be used, or a setting is missing.
    """
    if not (math.isfinite(slo_milliseconds) and slo_milliseconds >= 0):
        expected = "milliseconds, or 0 for no judgement of latency"
        raise InputError("slo_milliseconds", slo_milliseconds, expected, "Write for example 250.")
    name = metrics.strip() or setting(METRICS)
    if name not in NAMES:
        remedy = f"Name one of them, or set the key {METRICS} in the ConfigMap {CONFIG_MAP!r} of the run's namespace."
        raise InputError("metrics", name, f"one of {', '.join(NAMES)}", remedy)
    if queries.strip() and name != CUSTOM:
        raise InputError(
            "queries", queries, f"nothing beside metrics={name!r}", f"Set metrics={CUSTOM!r}, or clear it."
        )
    if name == ENVOY:
        return EnvoySource(envoy_counters.endpoint(), slo_milliseconds)
    found = custom_queries(queries, slo_milliseconds) if name == CUSTOM else PRESETS[name]
    return PrometheusSource(prometheus_counters.endpoint(), name, found, slo_milliseconds)
