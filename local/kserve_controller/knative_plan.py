"""The next step for an InferenceService in Knative mode. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from kfp_lifecycle.local.gateway.routing import Backend, HostRoute, ServiceRoute
from kfp_lifecycle.local.kserve_controller import knative, names
from kfp_lifecycle.local.kserve_controller.knative import Revision, Target
from kfp_lifecycle.local.kserve_controller.knative_status import knative_status, observed
from kfp_lifecycle.local.kserve_controller.modes import TAG_ROUTING_ANNOTATION, annotation, denies_access
from kfp_lifecycle.local.kserve_controller.plan import Plan, Weights, ready_ports
from kfp_lifecycle.local.kserve_controller.standard_plan import Surroundings
from kfp_lifecycle.local.kserve_controller.templates import Manifest, template
from kfp_lifecycle.local.pods.kubelet import Pod

# A revision whose pods are not ready gets the address of a port that refuses connections. The gateway tries again
# until a pod is ready, so that requests wait, as they do in Knative's activator.
_NOBODY = (1,)


def knative_plan(service: Manifest, remembered: Sequence[Revision], pods: Sequence[Pod], around: Surroundings) -> Plan:
    """Revisions, pods, traffic and status that follow from the spec and from what was before."""
    predictor, name = service["spec"]["predictor"], service["metadata"]["name"]
    wanted = template(service, predictor, standard=False, not_propagated=around.not_propagated)
    revisions = knative.with_template(remembered, name, wanted, around.now)
    revisions = observed(revisions, pods, progress_deadline=around.progress_deadline, now=around.now)
    component = ((service.get("status") or {}).get("components") or {}).get("predictor") or {}
    rolled = knative.rolled_from(component)
    if rolled.latest_rolledout not in {revision.name for revision in revisions}:
        rolled = knative.Rolled()  # its template is lost, so it cannot be routed to
    percent = predictor.get("canaryTrafficPercent")
    tagged = annotation(service, TAG_ROUTING_ANNOTATION) == "true"
    targets, rolled = knative.settle(None if percent is None else int(percent), rolled, revisions, tag_routing=tagged)
    running = knative.running(revisions, targets)
    with_pod = {pod.spec.revision for pod in pods if not pod.stopping}
    names_running = {revision.name for revision in running}
    ready = knative.latest_ready(revisions)
    return Plan(
        start=tuple((one.name, one.template) for one in running if one.name not in with_pod),
        stop=tuple(pod.spec.name for pod in pods if pod.spec.revision not in names_running and not pod.stopping),
        route=_route(service, running, targets, pods, ready, around.domain),
        weights=None,
        status=knative_status(service, revisions, targets, rolled, pods, domain=around.domain, now=around.now),
        child=(f"{name}-predictor", f"{wanted.digest}/{json.dumps([vars(one) for one in targets])}"),
        revisions=tuple(_without_pods_failure(one) for one in knative.kept(revisions, rolled)),
    )


def _route(
    service: Manifest,
    running: Sequence[Revision],
    targets: Sequence[Target],
    pods: Sequence[Pod],
    ready: str,
    domain: str,
) -> ServiceRoute:
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    path = f"/v2/models/{name}/ready"
    shares: Weights = knative.shares(targets, ready) if ready else ()
    weighted = (
        names.service_host(name, namespace, domain),
        names.predictor_host(name, namespace, domain),
        f"{name}-predictor.{namespace}.{domain}",
        names.in_cluster_host(name, namespace),
        names.in_cluster_host(f"{name}-predictor", namespace),
    )
    tags = [
        HostRoute((names.tag_host(target.tag, name, namespace, domain),), ((target.revision or ready, 100),))
        for target in targets
        if target.tag and ready
    ]
    return ServiceRoute(
        namespace=namespace,
        service=name,
        backends=tuple(Backend(one.name, ready_ports(pods, one.name) or _NOBODY, path) for one in running),
        routes=((HostRoute(weighted, shares),) if shares else ()) + tuple(tags),
        denied=denies_access(service),
        waits=True,
    )


def _without_pods_failure(revision: Revision) -> Revision:
    """What is remembered of a revision that became ready holds no failure any more."""
    return replace(revision, failure="") if revision.ready else revision
