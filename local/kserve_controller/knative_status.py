"""The status of an InferenceService in Knative mode, from what is observed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kfp_lifecycle.local.kserve_controller import conditions as c
from kfp_lifecycle.local.kserve_controller import knative, names
from kfp_lifecycle.local.kserve_controller.knative import Revision, Rolled, Target
from kfp_lifecycle.local.kserve_controller.model_status import model_status
from kfp_lifecycle.local.kserve_controller.templates import Manifest
from kfp_lifecycle.local.pods.kubelet import Pod


def observed(
    revisions: Sequence[Revision], pods: Sequence[Pod], *, progress_deadline: float, now: float
) -> tuple[Revision, ...]:
    """The revisions with what their pods taught about them; what was ready once stays ready."""
    return tuple(_observed(one, pods, progress_deadline, now) for one in revisions)


def knative_status(
    service: Manifest,
    revisions: Sequence[Revision],
    targets: Sequence[Target],
    rolled: Rolled,
    pods: Sequence[Pod],
    *,
    domain: str,
    now: float,
) -> dict[str, Any]:
    """The whole status but ``observedGeneration``."""
    before: Mapping[str, Any] = service.get("status") or {}
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    ready, newest = knative.latest_ready(revisions), revisions[-1]
    conditions = c.initial()
    _mark_predictor(conditions, newest, f"{name}-predictor", ready)
    c.mark(conditions, "Stopped", c.FALSE)
    predictor = dict((before.get("components") or {}).get("predictor") or {})
    status: dict[str, Any] = {key: before[key] for key in ("url", "address") if key in before}
    state = c.status_of(conditions, c.PREDICTOR)
    if state == c.TRUE:
        c.mark(conditions, c.INGRESS, c.TRUE)
        status["url"] = f"http://{names.service_host(name, namespace, domain)}"
        status["address"] = {"url": f"http://{names.in_cluster_host(name, namespace)}"}
        predictor["url"] = f"http://{name}-predictor.{namespace}.{domain}"
        address = names.in_cluster_host(f"{name}-predictor", namespace)
        predictor["address"] = {"url": f"http://{address}"}
    else:
        c.mark(conditions, c.INGRESS, state, "Predictor ingress not created")
    tag_url = f"http://{names.tag_host('{tag}', name, namespace, domain)}"
    predictor |= {
        "latestCreatedRevision": newest.name,
        "latestReadyRevision": ready,
        "latestRolledoutRevision": rolled.latest_rolledout,
        "previousRolledoutRevision": rolled.previous_rolledout,
        "traffic": knative.traffic_status(targets, ready, url=tag_url),
    }
    loaded = c.status_of(conditions, c.READY) == c.TRUE and newest.name == ready
    mine = [pod for pod in pods if pod.spec.revision == newest.name and not pod.stopping]
    return status | {
        "components": {"predictor": {key: value for key, value in predictor.items() if value}},
        "conditions": c.stamped(conditions, before.get("conditions") or (), now),
        "deploymentMode": "Knative",
        "modelStatus": model_status(
            before.get("modelStatus") or {}, mine, loaded=loaded, failed_before=bool(newest.failure)
        ),
    }


def _observed(revision: Revision, pods: Sequence[Pod], progress_deadline: float, now: float) -> Revision:
    if revision.ready:
        return revision
    mine = [pod for pod in pods if pod.spec.revision == revision.name and not pod.stopping]
    if any(pod.status.was_ready for pod in mine):
        return replace(revision, ready=True, failure="")
    failed = next((pod for pod in mine if pod.status.failed), None)
    if failed is not None:
        # Knative: RevisionContainerExitingMessage; it stays until the revision becomes ready after all.
        return replace(revision, failure=f"Container failed with: {failed.status.message}")
    if not revision.failure and now - revision.created > progress_deadline:
        return replace(revision, failure="Initial scale was never achieved")
    return revision


def _mark_predictor(conditions: c.Conditions, newest: Revision, service: str, ready: str) -> None:
    """The three conditions of the Knative Service, and KServe's two sums over its components."""
    if newest.ready:
        configuration = (c.TRUE, "", "")
    elif newest.failure:
        text = f'Revision "{newest.name}" failed with message: {newest.failure}.'
        configuration = (c.FALSE, "RevisionFailed", text)
    else:
        configuration = (c.UNKNOWN, "", "")
    if ready:
        route = (c.TRUE, "", "")
    elif newest.failure:
        text = f'Configuration "{service}" does not have any ready Revision.'
        route = (c.FALSE, "RevisionMissing", text)
    else:
        text = f'Configuration "{service}" is waiting for a Revision to become ready.'
        route = (c.UNKNOWN, "RevisionMissing", text)
    worst = next((one for one in (configuration, route) if one[0] == c.FALSE), None)
    worst = worst or next((one for one in (configuration, route) if one[0] == c.UNKNOWN), (c.TRUE, "", ""))
    c.mark(conditions, c.PREDICTOR, *worst)
    c.mark(conditions, "PredictorConfigurationReady", *configuration)
    c.mark(conditions, "PredictorRouteReady", *route)
    for total, part in (
        ("LatestDeploymentReady", "PredictorConfigurationReady"),
        ("RoutesReady", "PredictorRouteReady"),
    ):
        state = c.status_of(conditions, part)
        c.mark(conditions, total, state, "" if state == c.TRUE else f"{part} not ready")
