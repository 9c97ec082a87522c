"""The status of an InferenceService in Standard mode, from what is observed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kfp_lifecycle.local.kserve_controller import conditions as c
from kfp_lifecycle.local.kserve_controller import names
from kfp_lifecycle.local.kserve_controller.model_status import model_status
from kfp_lifecycle.local.kserve_controller.standard import Arm, rollout
from kfp_lifecycle.local.kserve_controller.templates import Manifest
from kfp_lifecycle.local.pods.kubelet import Pod


def standard_status(
    service: Manifest,
    arms: Sequence[Arm],
    pods: Sequence[Pod],
    *,
    domain: str,
    progress_deadline: float,
    now: float,
) -> dict[str, Any]:
    """The whole status but ``observedGeneration``."""
    before: Mapping[str, Any] = service.get("status") or {}
    metadata, stable = service["metadata"], arms[0]
    conditions = c.initial()
    _mark_canaries(conditions, arms[1:], pods)
    _mark_predictor(conditions, stable, pods, progress_deadline=progress_deadline, now=now)
    c.mark(conditions, "Stopped", c.FALSE)
    predictor = dict((before.get("components") or {}).get("predictor") or {})
    status: dict[str, Any] = {name: before[name] for name in ("url", "address") if name in before}
    if c.status_of(conditions, c.PREDICTOR) == c.TRUE:
        c.mark(conditions, c.INGRESS, c.TRUE)
        host = names.service_host(metadata["name"], metadata["namespace"], domain)
        status["url"] = f"http://{host}"
        status["address"] = {"url": f"http://{names.in_cluster_host(stable.deployment, metadata['namespace'])}"}
        predictor["url"] = f"http://{stable.deployment}-{metadata['namespace']}.{domain}"
    else:
        c.mark(conditions, c.INGRESS, c.FALSE, "Predictor ingress not created")
    ready = c.status_of(conditions, c.READY) == c.TRUE
    mine = [pod for pod in pods if pod.spec.revision == stable.deployment and not pod.stopping]
    status |= {
        "components": {"predictor": predictor},
        "conditions": c.stamped(conditions, before.get("conditions") or (), now),
        "deploymentMode": "Standard",
        "modelStatus": model_status(before.get("modelStatus") or {}, mine, loaded=ready),
    }
    if len(arms) > 1:
        status["canaryStatuses"] = [
            # The percentage is copied from the spec, whatever the route says, as KServe does.
            {"name": arm.name, "ready": rollout(arm, pods).available, "trafficPercent": arm.percent}
            for arm in arms[1:]
        ]
    return status


def _mark_predictor(
    conditions: c.Conditions, stable: Arm, pods: Sequence[Pod], *, progress_deadline: float, now: float
) -> None:
    """KServe: PropagateRawStatus, over the conditions that a Deployment would have."""
    state = rollout(stable, pods)
    late = any(
        not pod.status.was_ready and now - pod.status.created > progress_deadline
        for pod in pods
        if (pod.spec.revision, pod.spec.template) == (stable.deployment, stable.template.digest)
    )
    replica_set = f'ReplicaSet "{stable.deployment}-{stable.template.digest}"'
    if not state.available and stable.replicas > 0:
        reason, text = "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
        c.mark(conditions, c.PREDICTOR, c.FALSE, reason, text)
    elif late:
        text = f"{replica_set} has timed out progressing."
        c.mark(conditions, c.PREDICTOR, c.FALSE, "ProgressDeadlineExceeded", text)
    elif state.complete:
        text = f"{replica_set} has successfully progressed."
        c.mark(conditions, c.PREDICTOR, c.TRUE, "NewReplicaSetAvailable", text)
    else:
        # An old pod answers: KServe calls that ready, whatever becomes of the new one (kserve#1859).
        text = "Deployment has minimum availability."
        c.mark(conditions, c.PREDICTOR, c.TRUE, "MinimumReplicasAvailable", text)


def _mark_canaries(conditions: c.Conditions, canaries: Sequence[Arm], pods: Sequence[Pod]) -> None:
    if not canaries:
        return
    if all(rollout(arm, pods).available for arm in canaries):
        c.mark(conditions, "CanaryPredictorReady", c.TRUE, "AllCanariesReady")
    else:
        c.mark(conditions, "CanaryPredictorReady", c.FALSE, "CanariesNotReady")
