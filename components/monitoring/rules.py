"""When a model is retrained, when somebody is told, and when nothing can be said.

The order, from the first that holds:

1. *Data fault.* The newest window is broken. Drift and performance of a broken window say nothing of the model, and to
   retrain on it would do harm; so it counts for no later rule either, whichever window it is.
2. *Retrain.* Performance on labelled rows is down: ``needed`` of the last complete windows are worse than the
   calibration windows by more than ``drop``, and more surely so than ``p_limit``. A drift starts a retrain only where
   no label ever comes and the policy asks for a challenger.
3. *Alert.* A column that matters or the score has drifted, by p *and* by effect, in ``needed`` of the last windows; or
   performance is down in too few windows to act on.
4. *Insufficient data.* What was asked for could not be judged.

A p-value alone starts nothing: with enough rows every harmless season is significant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kfp_lifecycle.components.monitoring.findings import (
    ColumnDrift,
    Fault,
    Findings,
    WindowDrift,
    WindowPerformance,
)
from kfp_lifecycle.components.monitoring.outcome import MonitorOutcome

_NAMED = 5


class Policy(StrEnum):
    """What a drift means for a model whose labels never come."""

    ALERT = "alert"
    CHALLENGER = "challenger"


@dataclass(frozen=True)
class Rules:
    """The limits of one monitoring; see the face for each.

    Attributes:
        without_labels: None where labels come.
    """

    windows: int = 3
    needed: int = 2
    drop: float = 0.02
    p_limit: float = 0.001
    psi_limit: float = 0.1
    drift_p: float = 0.01
    min_rows: int = 200
    max_missing_rise: float = 0.1
    max_unseen: float = 0.05
    without_labels: Policy | None = None


@dataclass(frozen=True)
class Verdict:
    """The outcome with its reasons, the deciding one first."""

    outcome: MonitorOutcome
    reasons: tuple[str, ...]


def judged_windows(performance: Sequence[WindowPerformance], windows: int) -> list[WindowPerformance]:
    """The last complete windows, oldest first: those of which the rule counts how many are flagged."""
    return [each for each in performance if each.complete][-windows:]


def worse(performance: Sequence[WindowPerformance], rules: Rules) -> bool:
    """Whether performance is down in enough of the last complete windows."""
    return sum(each.flagged for each in judged_windows(performance, rules.windows)) >= rules.needed


def matters(column: ColumnDrift) -> bool:
    """Whether the rule looks at this column, and it has drifted by p and by effect."""
    return column.important and column.drifted


def drifted(drift: Sequence[WindowDrift], rules: Rules) -> bool:
    """Whether what matters has drifted in enough of the last windows; which column it is may change."""
    return sum(any(map(matters, each.columns)) for each in drift[-rules.windows :]) >= rules.needed


def significant_windows(drift: Sequence[WindowDrift], rules: Rules) -> int:
    """In how many windows any corrected p is small, whatever its effect: what a rule of p-values would ring on."""
    return sum(any(c.adjusted_p is not None and c.adjusted_p < rules.drift_p for c in each.columns) for each in drift)


def decide(findings: Findings, rules: Rules) -> Verdict:
    """The first rule that holds decides; what else was found is told after it."""
    found = [
        *_faults(findings),
        *_performance(findings, rules),
        *_drift(findings, rules),
        *_unknown(findings, rules),
    ]
    notes = _notes(findings)
    order = list(_ORDER)
    ranked = sorted(found, key=lambda each: order.index(each[0]))
    if not ranked:
        return Verdict(MonitorOutcome.HEALTHY, (*_healthy(findings, rules), *notes))
    return Verdict(ranked[0][0], tuple(dict.fromkeys([*(reason for _, reason in ranked), *notes])))


_ORDER = (
    MonitorOutcome.DATA_FAULT,
    MonitorOutcome.RETRAIN,
    MonitorOutcome.ALERT,
    MonitorOutcome.INSUFFICIENT_DATA,
)
_Found = Iterable[tuple[MonitorOutcome, str]]


def _decides(findings: Findings, fault: Fault) -> bool:
    return fault.blocking and fault.window in (None, findings.window)


def _notes(findings: Findings) -> list[str]:
    """Faults that decide nothing, the gravest and newest first; the report has all of them."""
    others = [fault for fault in reversed(findings.faults) if not _decides(findings, fault)]
    ranked = sorted(others, key=lambda fault: not fault.blocking)
    notes = [f"{fault.column}: {fault.reason}" for fault in ranked[:_NAMED]]
    if len(others) > _NAMED:
        notes.append(f"{len(others) - _NAMED} more faults decide nothing")
    counted = {
        "have no time and are in no window": findings.untimed,
        "lie outside of the windows": findings.outside,
        "name no version, and count as the watched one's": findings.unnamed,
    }
    return [*notes, *(f"{count} rows {what}" for what, count in counted.items() if count)]


def _faults(findings: Findings) -> _Found:
    for fault in findings.faults:
        if _decides(findings, fault):
            yield MonitorOutcome.DATA_FAULT, f"{fault.column}: {fault.reason}"


def _performance(findings: Findings, rules: Rules) -> _Found:
    if rules.without_labels or findings.calibration is None:
        return
    judged = judged_windows(findings.performance, rules.windows)
    flagged = [each for each in judged if each.flagged]
    name = findings.calibration.metric
    shown = "; ".join(
        f"{each.window}: {each.value:.4g}, worse by {each.drop:.4g}, p {each.p_value:.2g}"
        for each in flagged
        if each.value is not None and each.drop is not None and each.p_value is not None
    )
    if len(flagged) >= rules.needed:
        yield (
            MonitorOutcome.RETRAIN,
            f"{name} is worse than the calibration windows' mean of {findings.calibration.mean:.4g} by more than"
            f" {rules.drop:g} with p below {rules.p_limit:g} in {len(flagged)} of the last {len(judged)} complete"
            f" windows, and {rules.needed} are needed ({shown})",
        )
    elif flagged:
        yield (
            MonitorOutcome.ALERT,
            f"{name} was worse in {len(flagged)} of the last {len(judged)} complete windows, of which {rules.needed}"
            f" start a retrain ({shown})",
        )


def _drift(findings: Findings, rules: Rules) -> _Found:
    windows = findings.drift[-rules.windows :]
    joint = [each.joint for each in windows if each.joint is not None and each.joint.drifted]
    if len(joint) >= rules.needed:
        yield (
            MonitorOutcome.ALERT,
            f"{joint[-1].detector} tells the columns together from the reference in {len(joint)} of the last"
            f" {len(windows)} windows",
        )
    if not drifted(findings.drift, rules):
        return
    counts: dict[str, int] = {}
    largest: dict[str, float] = {}
    for each in windows:
        for column in filter(matters, each.columns):
            counts[column.name] = counts.get(column.name, 0) + 1
            largest[column.name] = max(largest.get(column.name, 0.0), column.psi or 0.0)
    names = sorted(counts, key=lambda name: -largest[name])
    shown = ", ".join(f"{name} (PSI up to {largest[name]:.2f}, {counts[name]} windows)" for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    told = (
        f"drift of what matters in at least {rules.needed} of the last {len(windows)} windows, with PSI above"
        f" {rules.psi_limit:g} and corrected p below {rules.drift_p:g}: {shown}{more}"
    )
    if rules.without_labels is Policy.CHALLENGER:
        yield (
            MonitorOutcome.RETRAIN,
            f"{told}. No label says whether the model got worse: this asks for a challenger, which must beat the"
            " champion on fresh labelled rows, and it can be wrong both ways",
        )
    else:
        yield MonitorOutcome.ALERT, told


def _unknown(findings: Findings, rules: Rules) -> _Found:
    # A log that has stopped is not well: the older windows tell nothing of today.
    if findings.rows < rules.min_rows:
        yield (
            MonitorOutcome.INSUFFICIENT_DATA,
            f"the newest window, {findings.window}, has {findings.rows} rows, and {rules.min_rows} are needed",
        )
    if rules.without_labels is None:
        judged = judged_windows(findings.performance, rules.windows)
        known = [each for each in judged if each.p_value is not None and not each.note]
        # One that has too few may be made up for by the others, as long as enough are left to reach a verdict.
        if len(known) < rules.needed:
            why = findings.calibration.note if findings.calibration and findings.calibration.note else ""
            why = why or next((each.note for each in reversed(judged) if each.note), "no window is complete yet")
            yield (
                MonitorOutcome.INSUFFICIENT_DATA,
                f"performance is known in {len(known)} of the last {len(judged)} complete windows, and {rules.needed}"
                f" are needed: {why}",
            )
    windows = findings.drift[-rules.windows :]
    untested = [each.untested for each in windows if each.untested]
    if untested and len(windows) - len(untested) < rules.needed:
        yield (
            MonitorOutcome.INSUFFICIENT_DATA,
            f"drift was tested in {len(windows) - len(untested)} of the last {len(windows)} windows, and"
            f" {rules.needed} are needed: {untested[-1]}",
        )


def _healthy(findings: Findings, rules: Rules) -> list[str]:
    reasons = []
    if rules.without_labels is None and findings.calibration is not None:
        judged = judged_windows(findings.performance, rules.windows)
        reasons.append(f"{findings.calibration.metric} is not worse in any of the last {len(judged)} complete windows")
    if findings.drift:
        windows = findings.drift[-rules.windows :]
        significant = significant_windows(windows, rules)
        told = f"nothing that matters drifted in {rules.needed} of the last {len(windows)} windows"
        if significant:
            told += f", though a p-value alone would have rung in {significant} of them"
        reasons.append(told)
    return reasons or ["nothing was found"]
