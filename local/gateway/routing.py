"""What the gateway is asked to do, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Backend:
    """The running copies of one arm or revision.

    Attributes:
        revision: its name; every answer that came from it carries the name in ``x-kfp-lifecycle-revision``.
        ports: loopback ports of its model servers.
        ready_path: path of the model's readiness probe.
    """

    revision: str
    ports: tuple[int, ...]
    ready_path: str


@dataclass(frozen=True)
class HostRoute:
    """Hosts that lead to the same backends.

    Attributes:
        hosts: values of the Host header, without port.
        weights: share of each revision; revisions may appear once only. No weight at all answers 503.
    """

    hosts: tuple[str, ...]
    weights: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ServiceRoute:
    """Everything the gateway knows of one InferenceService.

    Attributes:
        denied: answer every request as a service mesh does whose policy refuses the caller.
        waits: hold a request whose backend refuses the connection, as Knative's activator does, instead of failing it.
    """

    namespace: str
    service: str
    backends: tuple[Backend, ...] = ()
    routes: tuple[HostRoute, ...] = ()
    denied: bool = False
    waits: bool = False

    def cluster(self, revision: str) -> str:
        """Name of the revision's Envoy cluster and of its metrics; ``_`` cannot occur in a Kubernetes name."""
        return f"{self.namespace}_{revision}"


def weighted(service: ServiceRoute) -> set[str]:
    """Envoy clusters of the service that receive traffic on some host."""
    return {service.cluster(revision) for route in service.routes for revision, weight in route.weights if weight > 0}


def serving(service: ServiceRoute) -> dict[str, tuple[int, ...]]:
    """Ports of the Envoy clusters that receive traffic on some host and have servers."""
    ports = {service.cluster(backend.revision): backend.ports for backend in service.backends if backend.ports}
    return {name: ports[name] for name in weighted(service) if name in ports}
