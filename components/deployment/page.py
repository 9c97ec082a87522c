"""The decision of a release, and its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.components.deployment.outcome import Outcome
from kfp_lifecycle.components.deployment.plan import Plan
from kfp_lifecycle.components.deployment.request import ReleaseRequest
from kfp_lifecycle.core import report, service_addresses
from kfp_lifecycle.core.decision import Decision
from kfp_lifecycle.core.inference_service import LiveService, Mode


def make_decision(
    outcome: Outcome,
    reasons: tuple[str, ...],
    request: ReleaseRequest,
    mode: Mode,
    plan: Plan,
    numbers: Mapping[str, float],
) -> Decision:
    """The decision with everything that it was made from."""
    inputs: dict[str, Any] = {
        "service": request.service,
        "namespace": request.namespace,
        "model": request.model,
        "environment": request.environment,
        "version": request.version,
        "digest": request.digest,
        "uri": request.uri,
        "mode": str(mode),
        "run_id": request.run_id,
        "champion_before": plan.from_version,
        "arm": plan.arm,
    }
    return Decision(outcome, reasons, {"weight_percent": plan.weight, **numbers}, inputs)


def callers_note(mode: Mode, live: LiveService | None, namespace: str, service: str, domain: str) -> str:
    """Who meets the split and who goes past it."""
    host = service_addresses.service_host(service, namespace, domain)
    if mode is Mode.KNATIVE:
        return f"every caller of {host}, inside the cluster and outside, meets the split"
    stable = live.stable.name if live and live.stable else ""
    past = service_addresses.workload(service, stable)
    return (
        f"callers of {host} through the gateway meet the split; callers inside the cluster that use "
        f"{past}.{namespace}.svc.cluster.local bypass it and reach only that version"
    )


def make_page(decision: Decision, callers: str) -> str:
    """The report as HTML."""
    inputs = {key: value for key, value in decision.inputs.items() if value != ""}
    return report.page(
        f"Release of {decision.inputs['model']} version {decision.inputs['version']}",
        [
            report.decision_section(decision),
            report.Section("Release", report.mapping_table(inputs)),
            report.Section("Callers", report.paragraph(f"{callers[:1].upper()}{callers[1:]}.")),
        ],
    )
