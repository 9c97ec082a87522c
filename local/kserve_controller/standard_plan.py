"""The next step for an InferenceService in Standard mode. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from kfp_lifecycle.local.gateway.routing import Backend, HostRoute, ServiceRoute
from kfp_lifecycle.local.kserve_controller import conditions as c
from kfp_lifecycle.local.kserve_controller import names
from kfp_lifecycle.local.kserve_controller.modes import denies_access
from kfp_lifecycle.local.kserve_controller.plan import Plan, Weights, ready_ports
from kfp_lifecycle.local.kserve_controller.standard import Arm, arms, rollout, weights
from kfp_lifecycle.local.kserve_controller.standard_status import standard_status
from kfp_lifecycle.local.kserve_controller.templates import Manifest
from kfp_lifecycle.local.pods.kubelet import Pod


@dataclass(frozen=True)
class Surroundings:
    """What a plan needs to know besides the service and its pods.

    Attributes:
        weights: what the HTTPRoutes say now; empty before the first.
        not_propagated: annotations that do not reach the pods.
    """

    domain: str
    progress_deadline: float
    now: float
    not_propagated: Collection[str] = ()
    weights: Weights = ()


def standard_plan(service: Manifest, pods: Sequence[Pod], around: Surroundings) -> Plan:
    """Pods, weights and status that follow from the spec and from what runs."""
    found = arms(service, not_propagated=around.not_propagated)
    rollouts = {arm.deployment: rollout(arm, pods) for arm in found}
    orphans = [pod.spec.name for pod in pods if pod.spec.revision not in rollouts and not pod.stopping]
    status = standard_status(
        service,
        found,
        pods,
        domain=around.domain,
        progress_deadline=around.progress_deadline,
        now=around.now,
    )
    # KServe leaves the HTTPRoute alone while the stable predictor is not ready, whatever happens to canaries.
    stable_ready = c.one(status["conditions"], c.PREDICTOR).get("status") == c.TRUE
    ready = {deployment: one.available for deployment, one in rollouts.items()}
    split = weights(found, ready) if stable_ready else around.weights
    leaving = {name for one in rollouts.values() for name in one.stop} | set(orphans)
    serving = [pod for pod in pods if pod.spec.name not in leaving]
    return Plan(
        start=tuple((arm.deployment, arm.template) for arm in found if rollouts[arm.deployment].start),
        stop=tuple(sorted(leaving)),
        route=_route(service, found, serving, split, around.domain),
        weights=split if stable_ready else None,
        status=status,
        child=(found[0].deployment, f"{found[0].template.digest}/{found[0].replicas}"),
    )


def _route(service: Manifest, found: Sequence[Arm], pods: Sequence[Pod], split: Weights, domain: str) -> ServiceRoute:
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    path = f"/v2/models/{name}/ready"
    # A frozen HTTPRoute may still name an arm that is gone: its share fails.
    known = dict.fromkeys([arm.deployment for arm in found] + [deployment for deployment, _ in split])
    weighted_hosts = (
        names.service_host(name, namespace, domain),
        names.predictor_host(name, namespace, domain),
    )
    own = [HostRoute((names.in_cluster_host(arm.deployment, namespace),), ((arm.deployment, 100),)) for arm in found]
    return ServiceRoute(
        namespace=namespace,
        service=name,
        backends=tuple(Backend(one, ready_ports(pods, one), path) for one in known),
        routes=((HostRoute(weighted_hosts, split),) if split else ()) + tuple(own),
        denied=denies_access(service),
    )
