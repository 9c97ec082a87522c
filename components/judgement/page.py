"""The decision of a judgement, and its report: every check, drawn and listed."""

from __future__ import annotations

from typing import Any

from kfp_lifecycle.components.judgement import verdict
from kfp_lifecycle.components.judgement.canary import Evidence, bar
from kfp_lifecycle.components.judgement.memory import Memory
from kfp_lifecycle.components.judgement.outcome import Outcome
from kfp_lifecycle.components.judgement.request import JudgeRequest, Source
from kfp_lifecycle.components.judgement.state import Record, record_to_json
from kfp_lifecycle.core import charts, report
from kfp_lifecycle.core.decision import Decision
from kfp_lifecycle.core.release import Release

Unit = tuple[str, int]

# A judgement longer than this is drawn over minutes.
_LONG = 600


def make_decision(
    outcome: Outcome, reasons: tuple[str, ...], request: JudgeRequest, release: Release, memory: Memory
) -> Decision:
    """The decision with everything that it was made from."""
    state, rules = memory.state, request.rules
    numbers: dict[str, float | int] = {
        "checks": state.checks,
        "seconds": round(state.seconds, 1),
        "weight_percent": state.weight if request.source is not Source.REPLAY else release.weight,
        "bar_roll_back": round(verdict.rollback_bar(state, rules), 4),
        "bar_promote": round(bar(rules.alpha), 4),
    }
    for name, sides in verdict.sides(state, rules).items():
        numbers[f"{name}_evidence_worse"] = round(sides.worse, 4)
        numbers[f"{name}_evidence_no_worse"] = round(sides.no_worse, 4)
    for metric, it in sorted(state.evidence.items()):
        numbers |= _counts(metric, it)
    if memory.tally.sent:
        numbers |= {"replayed_rows": memory.tally.rows, "disagreements": memory.tally.disagreements}
    inputs: dict[str, Any] = {
        "service": request.service,
        "namespace": request.namespace,
        "version": request.version,
        "champion": release.from_version,
        "digest": release.digest,
        "run_id": request.run_id,
        "judged_by": str(request.source),
        "weights": list(rules.weights),
        "check_seconds": rules.check_seconds,
        "deadline_seconds": rules.deadline_seconds,
        "min_requests": rules.min_requests,
        "alpha": rules.alpha,
        "margins": dict(rules.margins),
        "slo_milliseconds": request.slow_seconds * 1000,
    }
    inputs["every_check"] = [record_to_json(record) for record in state.records]
    if memory.tally.sent:
        inputs["disagreement_limit"] = rules.disagreement_limit
        inputs["first_difference"] = memory.tally.difference
    return Decision(outcome, reasons, numbers, inputs)


def make_page(decision: Decision, request: JudgeRequest, memory: Memory) -> str:
    """The report as HTML."""
    records = memory.state.records
    inputs = {key: value for key, value in decision.inputs.items() if value not in ("", None) and key != "every_check"}
    unit = ("minutes", 60) if records and records[-1].seconds > _LONG else ("seconds", 1)
    sections = [report.decision_section(decision), *_evidence(decision, records, unit), *_rates(records, unit)]
    if request.source is not Source.REPLAY:
        sections.append(_weights(records, unit))
    sections += [_checks(records), report.Section("Judgement", report.mapping_table(inputs))]
    return report.page(f"Judgement of {request.service} version {request.version}", sections)


def _counts(metric: str, it: Evidence) -> dict[str, float | int]:
    return {
        f"{metric}_canary_requests": it.canary.total,
        f"{metric}_canary_bad": it.canary.bad,
        f"{metric}_stable_requests": it.stable.total,
        f"{metric}_stable_bad": it.stable.bad,
    }


def _evidence(decision: Decision, records: tuple[Record, ...], unit: Unit) -> list[report.Section]:
    """The two lines of each metric against the bars that they must cross."""
    metrics = sorted({metric for record in records for metric in record.evidence})
    bars = (decision.numbers["bar_roll_back"], decision.numbers["bar_promote"])
    drawn = ""
    for metric in metrics:
        points = [
            (record.seconds / unit[1], *record.evidence[metric]) for record in records if metric in record.evidence
        ]
        ends = (points[0][0], points[-1][0])
        drawn += charts.line_chart(
            {
                "worse": [(x, worse) for x, worse, _ in points],
                "no worse": [(x, no_worse) for x, _, no_worse in points],
                "bar: roll back": [(x, bars[0]) for x in ends],
                "bar: promote": [(x, bars[1]) for x in ends],
            },
            f"{metric}: evidence that the canary is worse, and that it is no worse than allowed (natural logarithm)",
            unit[0],
        )
    return [report.Section("Evidence", drawn)] if drawn else []


def _rates(records: tuple[Record, ...], unit: Unit) -> list[report.Section]:
    metrics = sorted({metric for record in records for metric in record.arms})
    drawn = ""
    for metric in metrics:
        arms = [(record.seconds / unit[1], record.arms[metric]) for record in records if metric in record.arms]
        lines = {
            "canary": [(x, 100 * bad / total) for x, (total, bad, _, _) in arms if total],
            "champion": [(x, 100 * bad / total) for x, (_, _, total, bad) in arms if total],
        }
        if all(lines.values()):
            drawn += charts.line_chart(lines, f"{metric}: percent of the requests of each check", unit[0])
    return [report.Section("Rates", drawn)] if drawn else []


def _weights(records: tuple[Record, ...], unit: Unit) -> report.Section:
    if not records:
        return report.Section("Weight", report.paragraph("No check was made."))
    points = [(record.seconds / unit[1], float(record.weight)) for record in records]
    drawn = charts.line_chart({"canary": points}, "percent of the traffic that the canary was given", unit[0])
    return report.Section("Weight", drawn)


def _checks(records: tuple[Record, ...]) -> report.Section:
    metrics = sorted({metric for record in records for metric in record.arms})
    headers = ["seconds", "weight %", "seen"]
    headers += [f"{metric}: {arm}" for metric in metrics for arm in ("canary", "champion")] + ["answer", "why"]
    rows = [_row(record, metrics) for record in records]
    note = report.paragraph("Each cell holds bad of all requests since the check before.")
    return report.Section("Checks", note + report.table(headers, rows))


def _row(record: Record, metrics: list[str]) -> list[Any]:
    cells: list[Any] = [record.seconds, record.weight, str(record.seen).replace("_", " ")]
    for metric in metrics:
        total, bad, stable_total, stable_bad = record.arms.get(metric, (0, 0, 0, 0))
        cells += [f"{bad} of {total}", f"{stable_bad} of {stable_total}"]
    return [*cells, str(record.answer).replace("_", " "), record.reason]
