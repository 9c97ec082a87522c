"""Prometheus metrics of the inference routes, by model, version and code."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

_LABELS = ("model", "version", "code")


class InferenceMetrics:
    """``inference_requests_total`` and ``inference_request_duration_seconds``.

    The duration runs from the request's headers to its answer, so it holds the time spent waiting for a thread.
    """

    def __init__(
        self, model: str, version: str, buckets: Sequence[float], registry: CollectorRegistry = REGISTRY
    ) -> None:
        self._model = model
        self._version = version
        self._requests = Counter("inference_requests", "Inference requests by answer code", _LABELS, registry=registry)
        self._duration = Histogram(
            "inference_request_duration_seconds",
            "Time from an inference request to its answer",
            _LABELS,
            buckets=buckets,
            registry=registry,
        )
        # Looking up a child by its labels costs more than counting with it.
        self._children: dict[int, tuple[Counter, Histogram]] = {}
        self.observed_codes(200)

    def observed_codes(self, code: int) -> tuple[Counter, Histogram]:
        """The counter and histogram of a code; both exist from the first call on, so a rate starts at zero."""
        found = self._children.get(code)
        if found is None:
            labels = (self._model, self._version, str(code))
            found = self._children[code] = (self._requests.labels(*labels), self._duration.labels(*labels))
        return found

    def count(self, code: int, seconds: float) -> None:
        """Record one answer."""
        requests, duration = self.observed_codes(code)
        requests.inc()
        duration.observe(seconds)
