"""Prometheus counters of the payload log, read where they are kept; a request pays nothing for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

_LABELS = ("model", "version")
_COUNTERS = {
    "logged": "Rows taken for the payload log",
    "dropped": "Rows that were not taken, because the queue was full",
    "written": "Rows in parts that the store took",
    "failed": "Rows in parts that could not be written",
    "ignored": "Requests that are not logged: their rows could not be read, or a step sent them as a check",
}


class PayloadLogMetrics(Collector):
    """``payload_log_rows_logged_total`` and its like.

    Args:
        counts: gives the current count of each of ``_COUNTERS``, and ``waiting``.
    """

    def __init__(
        self,
        model: str,
        version: str,
        counts: Callable[[], Mapping[str, int]],
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._values = (model, version)
        self._counts = counts
        registry.register(self)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        counts = self._counts()
        for name, help_text in _COUNTERS.items():
            unit = "requests" if name == "ignored" else "rows"
            family = CounterMetricFamily(f"payload_log_{unit}_{name}", help_text, labels=_LABELS)
            family.add_metric(self._values, counts[name])
            yield family
        waiting = GaugeMetricFamily("payload_log_rows_waiting", "Rows in the queue of the payload log", labels=_LABELS)
        waiting.add_metric(self._values, counts["waiting"])
        yield waiting
