"""Counters of both arms from the admin port of the one Envoy that carries all their traffic."""

from __future__ import annotations

from dataclasses import dataclass

from kfp_lifecycle.adapters.counter_errors import CounterError, NoSeries
from kfp_lifecycle.adapters.counter_requests import Endpoint, Session, address
from kfp_lifecycle.adapters.latency_edges import fast_series
from kfp_lifecycle.adapters.prometheus_text import Sample, samples
from kfp_lifecycle.core import settings
from kfp_lifecycle.core.arms import Arms
from kfp_lifecycle.core.counters import ArmSnapshot, Snapshot

_CLUSTER = "envoy_cluster_name"
_CLASS = "envoy_response_code_class"
# By class and not in total: upstream_rq_total leaves out what fails before it is sent, as to an arm without servers.
_ANSWERS = "envoy_cluster_upstream_rq_xx"
# Milliseconds. Envoy merges its histograms at each flush, by default every 5 s, so they lag behind the answers.
_TIME = "envoy_cluster_upstream_rq_time"
# There from the start, while the others appear with the first answer.
_KNOWN = "envoy_cluster_upstream_rq_total"


def endpoint() -> Endpoint:
    """The Envoy of the settings.

    Raises:
        InputError: none is set.
    """
    return Endpoint("Envoy", address(settings.ENVOY_ADMIN_URL))


@dataclass(frozen=True)
class EnvoySource:
    """Reads the clusters ``{namespace}_{arm}``; ``slo_milliseconds`` is the latency objective, 0 for none."""

    endpoint: Endpoint
    slo_milliseconds: float

    @property
    def tells_refused(self) -> bool:
        """Always: Envoy counts by class of status."""
        return True

    def read(self, arms: Arms) -> Snapshot:
        """Both arms as of now.

        Raises:
            CounterError: Envoy did not answer, or not with statistics.
            NoSeries: it has no cluster of an arm's name.
            InputError: the histogram has no edge at the objective.
        """
        names = {arm: f"{arms.namespace}_{arm}" for arm in (arms.canary, arms.stable)}
        pattern = f"^cluster[.]({'|'.join(names.values())})[.]upstream_rq_(.xx|time|total)$"
        with Session(self.endpoint) as session:
            status, body = session.get("/stats/prometheus", {"filter": pattern})
        try:
            found = list(samples(body.decode())) if status == 200 else []
        except ValueError as error:
            raise CounterError(f"{self.endpoint} answers no Prometheus text: {error}") from error
        if status != 200:
            raise CounterError(f"{self.endpoint}: HTTP {status}: {body[:300].decode(errors='replace')}")
        known = {each.labels.get(_CLUSTER) for each in found if each.name == _KNOWN}
        if missing := [name for name in names.values() if name not in known]:
            raise NoSeries(f"metrics='envoy' finds no cluster {' and no '.join(missing)}: {self.endpoint} knows none")
        return Snapshot(self._arm(found, names[arms.canary]), self._arm(found, names[arms.stable]))

    def _arm(self, found: list[Sample], cluster: str) -> ArmSnapshot:
        own = [each for each in found if each.labels.get(_CLUSTER) == cluster]
        requests = {each.labels.get(_CLASS, ""): each.value for each in own if each.name == _ANSWERS}
        errors = {name: value for name, value in requests.items() if name == "5"}
        refused = {name: value for name, value in requests.items() if name == "4"}
        if not self.slo_milliseconds:
            return ArmSnapshot(requests, errors, refused=refused)
        timed = {each.labels[_CLUSTER]: each.value for each in own if each.name == f"{_TIME}_count"}
        edges = {each.labels.get("le", ""): each.value for each in own if each.name == f"{_TIME}_bucket"}
        fast = fast_series({cluster: edges} if edges else {}, self.slo_milliseconds, "ms")
        return ArmSnapshot(requests, errors, timed, fast, refused)
