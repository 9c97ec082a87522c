"""The report of a monitor, rendered from its findings and its decision."""

from __future__ import annotations

from html import escape

from kfp_lifecycle.components.monitoring.findings import Findings
from kfp_lifecycle.components.monitoring.page_drift import drift_sections, tested
from kfp_lifecycle.components.monitoring.page_faults import blocks_now, fault_section
from kfp_lifecycle.components.monitoring.page_performance import performance_section
from kfp_lifecycle.components.monitoring.page_words import finite, limit, number, span
from kfp_lifecycle.core import chart_parts, heat_map, overlay_chart, report
from kfp_lifecycle.core.decision import Decision

_FALSE_ALARMS, _PER = "expected_false_", "_per_100_windows"
# The deciding reason comes first; what was also found is folded up.
_REASONS, _TEXT = 3, 400
_STYLE = """
body { max-width: 68rem; } summary { color: var(--soft); cursor: pointer; }
.glance { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0 0; }
.glance div { flex: 1 1 9.5rem; max-width: 14rem; box-sizing: border-box; padding: .6rem .8rem;
  border: 1px solid var(--line); border-radius: .5rem; }
.glance dt { color: var(--soft); font-size: .85rem; } .glance dd { margin: 0; }
.glance dd.figure { font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3; }
.glance dd.note { color: var(--soft); font-size: .8rem; }
.dense { font-size: .9rem; } .dense td, .dense th { white-space: nowrap; padding: .18rem .7rem .18rem .3rem; }
.dense td { min-width: 0; } .dense th { white-space: normal; vertical-align: bottom; line-height: 1.25; }
.dense td.name { white-space: normal; min-width: 8rem; position: sticky; left: 0; background: var(--page); }
.dense + .dense { margin-top: 1.4rem; } .dense td:last-child { white-space: normal; min-width: 9rem; }
"""


def monitor_page(findings: Findings, decision: Decision) -> str:
    """The report as HTML: every mark on it is a field of the findings, the outcome and the limits are the decision's.

    Args:
        findings: what was measured.
        decision: what was decided from it. Of its inputs ``model_name``, ``version`` and ``environment`` name the
            page, and the limits ``drop``, ``p_limit``, ``needed``, ``windows``, ``psi_limit``, ``drift_p``,
            ``label_lag`` and ``correction`` are drawn or named where they are given. Of its numbers those that begin
            with ``expected_false_`` and end with ``_per_100_windows`` are the expected false alarms.
    """
    inputs = decision.inputs
    version = f"version {inputs['version']}" if inputs.get("version") else ""
    title = " ".join(f"Monitoring of {inputs.get('model_name') or 'a model'} {version}".split())
    sections = [_decision(findings, decision)]
    if findings.faults:
        sections.append(fault_section(findings))
    sections += [performance_section(findings, decision), *drift_sections(findings, decision)]
    sections += [_false_alarms(findings, decision), _decided_from(decision)]
    return report.page(title, sections, _STYLE + chart_parts.STYLE + overlay_chart.STYLE + heat_map.STYLE)


def _decision(findings: Findings, decision: Decision) -> report.Section:
    where = f" in {decision.inputs['environment']}" if decision.inputs.get("environment") else ""
    html = f"<p>{report.outcome_badge(str(decision.outcome))}</p>\n{report.bullets(decision.reasons[:_REASONS])}"
    if more := decision.reasons[_REASONS:]:
        html += f"<details><summary>{len(more)} more</summary>{report.bullets(more)}</details>\n"
    html += report.paragraph(f"Window {span(findings.window)}{where}.")
    tiles = "".join(
        f'<div><dt>{escape(name)}</dt><dd class="figure">{escape(figure)}</dd>'
        f'<dd class="note">{escape(note)}</dd></div>'
        for name, figure, note in _glance(findings, decision)
    )
    return report.Section("Decision", f'{html}<dl class="glance">{tiles}</dl>\n')


def _glance(findings: Findings, decision: Decision) -> list[tuple[str, str, str]]:
    """Name, figure and a note, of what a reader wants to know first."""
    blocking = sum(blocks_now(fault, findings) for fault in findings.faults)
    found = f"{blocking or 'none'} blocking now" if findings.faults else "none found"
    tiles = [("rows of the window", f"{findings.rows:,}", "served and read")]
    tiles.append(
        (
            "faults of the data",
            f"{len(findings.faults)}",
            found,
        )
    )
    complete = [one for one in findings.performance if one.complete]
    newest = next((one for one in reversed(complete) if finite(one.value) is not None), None)
    if newest and findings.calibration:
        note = "newest complete window"
        if finite(findings.calibration.mean) is not None:
            note += f"; calibration {number(findings.calibration.mean)}"
        tiles.append((findings.calibration.metric, number(newest.value), note))
    looked_at = complete[-int(limit(decision.inputs, "windows") or len(complete)) :]
    if looked_at:
        needed = limit(decision.inputs, "needed")
        note = f"the rule asks for {number(needed)}" if needed else "complete windows"
        flagged = sum(one.flagged for one in looked_at)
        tiles.append(("windows flagged", f"{flagged} of {len(looked_at)}", note))
    if last := tested(findings):
        drifted = [column for column in last.columns if column.drifted]
        important = sum(column.important for column in drifted)
        tiles.append(("columns drifted", f"{len(drifted)} of {len(last.columns)}", f"{important} of them important"))
    return tiles


def _false_alarms(findings: Findings, decision: Decision) -> report.Section:
    expected = {name: value for name, value in decision.numbers.items() if name.startswith(_FALSE_ALARMS)}
    rows = [
        [name.removeprefix(_FALSE_ALARMS).removesuffix(_PER).replace("_", " "), value]
        for name, value in sorted(expected.items())
    ]
    html = report.paragraph("Where nothing has changed, so many of 100 windows would still be answered so by chance.")
    html = (
        html + report.table(["answer", "of 100 windows"], rows) if rows else report.paragraph("None were worked out.")
    )
    last, p_limit = tested(findings), limit(decision.inputs, "drift_p")
    made = sum(column.p_value is not None for column in last.columns) if last else 0
    if made and p_limit:
        html += report.paragraph(
            f"{made} columns are tested in each window. A rule of p below {number(p_limit)} alone, with no correction"
            f" and no limit on the effect, would mark {number(made * p_limit)} of them in every window by chance."
        )
    return report.Section("Expected false alarms", html)


def _decided_from(decision: Decision) -> report.Section:
    numbers = {name: value for name, value in decision.numbers.items() if not name.startswith(_FALSE_ALARMS)}
    inputs = {name: _bounded(value) for name, value in decision.inputs.items() if value not in ("", None)}
    tables = [report.mapping_table(numbers, "number")] if numbers else []
    tables.append(report.mapping_table(inputs, "input"))
    return report.Section("Decided from", "".join(f'<div class="dense">{each}</div>\n' for each in tables))


def _bounded(value: object) -> object:
    if isinstance(value, int | float):
        return value
    words = str(value)
    return words if len(words) <= _TEXT else f"{words[:_TEXT]}…"
