"""What changed in the columns: the last window's figures, the largest changes drawn, and all windows side by side."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from kfp_lifecycle.components.monitoring.findings import ColumnDrift, Findings, WindowDrift
from kfp_lifecycle.components.monitoring.page_distributions import distribution_section
from kfp_lifecycle.components.monitoring.page_words import (
    day,
    finite,
    limit,
    number,
    percent,
    probability,
    span,
    whole_days,
)
from kfp_lifecycle.core import heat_map
from kfp_lifecycle.core.chart_parts import short
from kfp_lifecycle.core.decision import Decision
from kfp_lifecycle.core.logged_rows import SCORE
from kfp_lifecycle.core.report import Section, bullets, paragraph, table

# What is left out moved less than what is shown: rows are sorted by effect.
_COLUMNS, _WINDOWS = 100, 10
# Where the decision names none.
_PSI_LIMIT = 0.1
_TESTS = {"ks": "KS", "chi_square": "χ²", "cvm": "CvM", "fet": "Fisher"}
_HEADERS = (
    "column",
    "",
    "PSI",
    "Wasser&shy;stein",
    "Jensen-Shannon",
    "p",
    "test",
    "missing",
    "p of missing",
    "impor&shy;tance",
    "",
)
_NUMBERS = (2, 3, 4, 5, 7, 8, 9)


def tested(findings: Findings) -> WindowDrift | None:
    """The newest window of which columns were compared."""
    return next((window for window in reversed(findings.drift) if window.columns), None)


def drift_sections(findings: Findings, decision: Decision) -> list[Section]:
    """Table, overlays and heat map; one sentence where nothing was compared."""
    last = tested(findings)
    columns = sorted(last.columns, key=_by_effect) if last else []
    drawn = distribution_section(findings, columns)
    notes = [f"{span(one.window)}: {one.note}" for one in findings.drift if one.note]
    if last is None:
        html = paragraph("No column was compared with the reference.") + (bullets(notes) if notes else "")
        return [Section("Drift", html), *([drawn] if drawn else [])]
    colours = limit(decision.inputs, "psi_limit") or _PSI_LIMIT
    sections = [Section("Drift of the columns", _table(last, columns, colours, decision))]
    sections += [drawn] if drawn else []
    sections.append(Section("Columns by window", _map(findings, colours)))
    if any(one.joint for one in findings.drift):
        sections.append(Section("All columns together", _joint(findings)))
    if notes:
        sections.append(Section("Windows that were not compared", bullets(notes)))
    return sections


def _by_effect(column: ColumnDrift) -> tuple[float, float, float, str]:
    psi, distance, p = finite(column.psi), finite(column.jensen_shannon), finite(column.adjusted_p)
    return (-1.0 if psi is None else psi) * -1, -(distance or 0.0), 1.0 if p is None else p, column.name


def _table(window: WindowDrift, columns: Sequence[ColumnDrift], colours: float, decision: Decision) -> str:
    inputs = decision.inputs
    words = f"{span(window.window)}, {window.rows:,} rows, against the reference; the largest change first. "
    p_limit, effect = limit(inputs, "drift_p"), limit(inputs, "psi_limit")
    if p_limit is not None and effect is not None:
        correction = f" after correction ({inputs['correction']})" if inputs.get("correction") else ""
        words += f"A column has drifted when p is below {number(p_limit)}{correction} and PSI above {number(effect)}."
    # Notes are rare: without any they have no column.
    width = len(_HEADERS) - (not any(column.note for column in columns[:_COLUMNS]))
    head = "".join(
        f"<th{' class=number' if i in _NUMBERS else ''}>{name}</th>" for i, name in enumerate(_HEADERS[:width])
    )
    body = "".join(_line(column, colours, width) for column in columns[:_COLUMNS])
    after = f"{len(columns) - _COLUMNS} columns that changed less are left out. " if len(columns) > _COLUMNS else ""
    after += "Wasserstein is in standard deviations of the reference; p is the corrected one. "
    after += "In bold: important columns, at which the rule looks. "
    if any(column.name == SCORE for column in columns):
        after += f"{SCORE} is the model's score. "
    if error := max((finite(column.largest_error) or 0.0 for column in columns), default=0.0):
        after += f"The reference is a sketch: a test's statistic may be off by up to {number(error)}."
    return (
        paragraph(words.strip()) + f'<div class="scroll dense"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>\n" + paragraph(after.strip())
    )


def _line(column: ColumnDrift, colours: float, width: int) -> str:
    test = f"{_TESTS.get(column.test, column.test)} {number(column.statistic)}" if column.test else "none"
    cells = [
        (f"<b>{escape(short(column.name))}</b>" if column.important else escape(short(column.name)), "name"),
        ("<b>drifted</b>" if column.drifted and column.important else "drifted" if column.drifted else "", ""),
        (number(column.psi), f"number {heat_map.warmth(finite(column.psi), colours)}"),
        (number(column.wasserstein), "number"),
        (number(column.jensen_shannon), "number"),
        (probability(column.adjusted_p), "number"),
        (escape(test), ""),
        (f"{percent(column.missing)} (was {percent(column.reference_missing)})", "number"),
        (probability(column.missing_p), "number"),
        (number(column.importance if column.name != SCORE else None), "number"),
        (escape(column.note), ""),
    ]
    return (
        "<tr>"
        + "".join(f'<td class="{look}">{words}</td>' if look else f"<td>{words}</td>" for words, look in cells[:width])
        + "</tr>"
    )


def _map(findings: Findings, colours: float) -> str:
    compared = [one for one in findings.drift if one.columns]
    windows = compared[-_WINDOWS:]
    found = [{column.name: column for column in one.columns} for one in windows]
    names = {name for columns in found for name in columns}
    largest = {name: max(finite(columns[name].psi) or 0.0 for columns in found if name in columns) for name in names}
    order = sorted(names, key=lambda name: (-largest[name], name))
    rows = [
        heat_map.Row(
            name,
            [_cell(columns.get(name)) for columns in found],
            any(columns[name].important for columns in found if name in columns),
        )
        for name in order[:_COLUMNS]
    ]
    dates = whole_days([one.window for one in windows])
    words = "PSI of each column in each window, oldest first; columns by their largest. Dates are first days."
    if len(compared) > _WINDOWS:
        words += f" The newest {_WINDOWS} of {len(compared)} windows are shown."
    if len(names) > _COLUMNS:
        words += f" {len(names) - _COLUMNS} columns that changed less are left out."
    return paragraph(words) + heat_map.heat_map([day(one.window, dates) for one in windows], rows, colours, "drifted")


def _cell(column: ColumnDrift | None) -> heat_map.Cell:
    return heat_map.Cell(finite(column.psi), column.drifted) if column else heat_map.Cell(None)


def _joint(findings: Findings) -> str:
    rows = [
        [
            span(one.window),
            one.joint.detector,
            probability(one.joint.p_value),
            "drifted" if one.joint.drifted else "",
            one.joint.note,
        ]
        for one in reversed(findings.drift)
        if one.joint
    ]
    words = paragraph("A test of all columns at once sees what changes between them and in none of them.")
    return words + table(["window", "detector", "p", "", ""], rows, right=[2])
