"""The report of a monitor, rendered from its findings and its decision."""

from __future__ import annotations

from kfp_lifecycle.components.monitoring.findings import Findings
from kfp_lifecycle.core import report
from kfp_lifecycle.core.decision import Decision


def monitor_page(findings: Findings, decision: Decision) -> str:
    """The report as HTML: every mark on it is a field of the findings, the outcome and the limits are the decision's.

    Args:
        findings: what was measured.
        decision: what was decided from it. Of its inputs ``model_name``, ``version`` and ``environment`` name the
            page, and the limits ``drop``, ``p_limit``, ``needed``, ``psi_limit``, ``drift_p``, ``label_lag``,
            ``engine`` and ``correction`` are drawn or named where they are given. Of its numbers those that begin
            with ``expected_false_`` and end with ``_per_100_windows`` are the expected false alarms.
    """
    inputs = decision.inputs
    title = " ".join(f"Monitoring of {inputs.get('model_name', '')} version {inputs.get('version', '')}".split())
    return report.page(title, [report.decision_section(decision)])
