"""How columns of the newest window lie over their reference: the broken ones, then those that changed most."""

from __future__ import annotations

from collections.abc import Sequence

from kfp_lifecycle.components.monitoring.findings import ColumnDrift, Findings
from kfp_lifecycle.components.monitoring.page_faults import blocks_now
from kfp_lifecycle.components.monitoring.page_words import number, probability, span
from kfp_lifecycle.core.overlay_chart import overlay, overlay_key
from kfp_lifecycle.core.report import Section, paragraph

_DRAWN = 6


def distribution_section(findings: Findings, columns: Sequence[ColumnDrift]) -> Section | None:
    """At most six drawings; None without a sketch on both sides.

    Args:
        findings: with the sketches of the newest window.
        columns: of the newest window that was compared, the largest change first.
    """
    broken = [fault.column for fault in findings.faults if blocks_now(fault, findings)]
    names = [
        name
        for name in dict.fromkeys([*broken, *(column.name for column in columns)])
        if name in findings.reference and name in findings.current
    ]
    if not names:
        return None
    # Figures of an older window would belong to another picture.
    compared = {
        column.name: column for one in findings.drift if one.window == findings.window for column in one.columns
    }
    drawn = "".join(
        overlay(name, _note(name, name in broken, compared), findings.reference[name], findings.current[name])
        for name in names[:_DRAWN]
    )
    what = "The columns that have faults, then those that changed most" if broken else "The columns that changed most"
    words = paragraph(f"{what}: shares of the rows that have a value, in {span(findings.window)} and in the reference.")
    return Section("Distributions", f'{words}{overlay_key()}<div class="overlays">{drawn}</div>\n')


def _note(name: str, broken: bool, compared: dict[str, ColumnDrift]) -> str:
    words = ["broken"] if broken else []
    if column := compared.get(name):
        words += [f"PSI {number(column.psi)}", f"p {probability(column.adjusted_p).replace('< ', 'below ')}"]
        words += ["drifted"] if column.drifted else []
    else:
        words.append("not compared")
    return ", ".join(words)
