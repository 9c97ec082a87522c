"""What is broken in the data, one line a column and kind, however many windows it was found in."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from kfp_lifecycle.components.monitoring.findings import Fault, Findings
from kfp_lifecycle.components.monitoring.page_words import span
from kfp_lifecycle.core.chart_parts import short
from kfp_lifecycle.core.report import Section, paragraph

_SHOWN, _TEXT = 100, 400


def blocks_now(fault: Fault, findings: Findings) -> bool:
    """Whether it is of the newest window, or of all, and blocks."""
    return fault.blocking and fault.window in (None, findings.window)


def fault_section(findings: Findings) -> Section:
    """Those that block are listed first, in sentences, which wrap better than tables; the others are folded up."""
    groups: dict[tuple[str, str, bool], list[Fault]] = {}
    for fault in findings.faults:
        groups.setdefault((fault.column, fault.kind, fault.blocking), []).append(fault)
    found = sorted(groups.values(), key=lambda group: not any(blocks_now(fault, findings) for fault in group))
    blocking = [group for group in found if group[0].blocking]
    told = [group for group in found if not group[0].blocking]
    html = _list(blocking) if blocking else paragraph("None of them blocks: they are only told.")
    if told:
        html += f"<details><summary>{len(told)} that do not block</summary>{_list(told)}</details>\n"
    return Section("Faults of the data", html)


def _list(groups: Sequence[Sequence[Fault]]) -> str:
    items = "".join(f"<li>{_sentence(group)}</li>" for group in groups[:_SHOWN])
    more = paragraph(f"And {len(groups) - _SHOWN} more.") if len(groups) > _SHOWN else ""
    return f"<ul>{items}</ul>\n{more}"


def _sentence(group: Sequence[Fault]) -> str:
    """The newest finding, and in how many windows there is one."""
    newest = group[-1]
    where = "" if newest.window is None or str(newest.window) in newest.reason else f", in {span(newest.window)}"
    times = f" (the newest of {len(group)} windows)" if len(group) > 1 else ""
    kind = newest.kind.replace("_", " ")
    return f"<b>{escape(short(newest.column))}</b>, {escape(kind)}: {escape(newest.reason[:_TEXT] + where + times)}"
