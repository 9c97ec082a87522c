"""Counters of both arms from a Prometheus, all as of the same instant."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.adapters.counter_errors import CounterError, NoSeries
from kfp_lifecycle.adapters.counter_requests import Endpoint, Session, address
from kfp_lifecycle.adapters.latency_edges import fast_series
from kfp_lifecycle.adapters.prometheus_presets import CUSTOM, QuerySet, filled
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.arms import Arms
from kfp_lifecycle.core.counters import ArmSnapshot, Snapshot
from kfp_lifecycle.core.errors import InputError

_MOST_SERIES = 20_000
# Each pair of labels and value; the name of the metric is left out, so that a count and its bucket have one name.
_Vector = list[tuple[dict[str, str], float]]


def endpoint() -> Endpoint:
    """The Prometheus of the settings.

    Raises:
        InputError: none is set.
    """
    return Endpoint(
        "Prometheus",
        address(settings.PROMETHEUS_URL),
        settings.setting(settings.PROMETHEUS_CA_FILE),
        settings.setting(settings.PROMETHEUS_TOKEN_FILE),
    )


@dataclass(frozen=True)
class PrometheusSource:
    """Reads a query set.

    Attributes:
        preset: its name, for messages.
        slo_milliseconds: the latency objective; 0 asks for no latency.
    """

    endpoint: Endpoint
    preset: str
    queries: QuerySet
    slo_milliseconds: float

    @property
    def tells_refused(self) -> bool:
        """Whether the query set has a query for them."""
        return bool(self.queries.refused)

    def read(self, arms: Arms) -> Snapshot:
        """Both arms as of now.

        Raises:
            CounterError: Prometheus did not answer, or not with counters.
            NoSeries: it knows no requests of either arm, or no latency of any request.
            InputError: the histogram has no edge at the objective, or Prometheus refuses a query of the user's.
        """
        # One instant for all: else errors would be counted that their requests do not hold yet.
        instant = f"{time.time():.3f}"
        with Session(self.endpoint) as session:
            canary = self._arm(session, arms, arms.canary, instant)
            stable = self._arm(session, arms, arms.stable, instant)
        if not canary.requests and not stable.requests:
            raise self._nothing(self.queries.requests, arms)
        answered = [*canary.requests.values(), *stable.requests.values()]
        if self.slo_milliseconds and not canary.fast and not stable.fast and any(value > 0 for value in answered):
            raise self._nothing(self.queries.latency_bucket, arms)
        return Snapshot(canary, stable)

    def _arm(self, session: Session, arms: Arms, arm: str, instant: str) -> ArmSnapshot:
        def ask(query: str) -> _Vector:
            return self._ask(session, filled(query, arms, arm), instant)

        requests, errors = _series(ask(self.queries.requests)), _series(ask(self.queries.errors))
        refused = _series(ask(self.queries.refused)) if self.tells_refused else {}
        if not self.slo_milliseconds:
            return ArmSnapshot(requests, errors, refused=refused)
        timed = _series(ask(self.queries.latency_count))
        buckets = _buckets(ask(self.queries.latency_bucket))
        fast = fast_series(buckets, self.slo_milliseconds, self.queries.unit)
        return ArmSnapshot(requests, errors, timed, fast, refused)

    def _ask(self, session: Session, query: str, instant: str) -> _Vector:
        status, body = session.get("/api/v1/query", {"query": query, "time": instant})
        try:
            answer: Any = json.loads(body)
        except ValueError as error:
            said = f"{self.endpoint} answers no JSON: {body[:200].decode(errors='replace')!r}"
            raise CounterError(said) from error
        answer = answer if isinstance(answer, dict) else {}
        if status != 200 or answer.get("status") != "success":
            self._refuse(query, status, answer)
        try:
            return _vector(answer["data"])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise CounterError(f"{self.endpoint}: the answer to {query!r} is no vector of samples: {error}") from error

    def _refuse(self, query: str, status: int, answer: Mapping[str, Any]) -> None:
        said = f"{answer.get('errorType', 'no type')}: {answer.get('error', 'no reason given')}"
        if self.preset == CUSTOM and answer.get("errorType") == "bad_data":
            raise InputError("queries", query, "a query that Prometheus can read", f"It says {said}")
        raise CounterError(f"{self.endpoint} refuses {query!r}: HTTP {status}, {said}")

    def _nothing(self, query: str, arms: Arms) -> NoSeries:
        asked = " and ".join(repr(filled(query, arms, arm)) for arm in (arms.canary, arms.stable))
        return NoSeries(
            f"metrics={self.preset!r} finds no series of {arms.canary} or {arms.stable}: {self.endpoint} knows none "
            f"for {asked}. {self.queries.hint}".rstrip()
        )


def _vector(data: Mapping[str, Any]) -> _Vector:
    if data["resultType"] != "vector":
        raise ValueError(f"it is a {data['resultType']}")
    if len(data["result"]) > _MOST_SERIES:
        raise ValueError(f"it has more than {_MOST_SERIES} series")
    return [
        ({key: str(value) for key, value in each["metric"].items() if key != "__name__"}, float(each["value"][1]))
        for each in data["result"]
    ]


def _series(vector: _Vector) -> dict[str, float]:
    found: dict[str, float] = {}
    for labels, value in vector:
        name = _name(labels)
        if name in found:
            raise CounterError(f"two metrics of one query have the series {{{name}}}: ask for one metric at a time")
        found[name] = value
    return found


def _buckets(vector: _Vector) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for labels, value in vector:
        edge = labels.pop("le", "")
        found.setdefault(_name(labels), {})[edge] = value
    return found


def _name(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={json.dumps(value)}" for key, value in sorted(labels.items()))
