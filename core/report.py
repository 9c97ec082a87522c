"""Reports as one self-contained HTML page: no scripts, nothing fetched, everything escaped.

A report is rendered from a decision, so what it shows cannot disagree with what was decided.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from kfp_lifecycle.core.decision import Decision, SavedDecision

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --soft: #5b6577; --line: #d9dee7; --page: #ffffff;
  --a: #2463a8; --b: #c4622d; --c: #2f855a; --d: #8a4fae; --good: #2f855a; --bad: #b83232; --wait: #9a6b00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #a3adbd; --line: #3a4252; --page: #161b24;
  --a: #6ba7e8; --b: #eb965f; --c: #62c08f; --d: #c08fe0; --good: #62c08f; --bad: #ee7b7b; --wait: #e0b04a; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p, li { max-width: 46rem; } figure { margin: 1rem 0; } figcaption { color: var(--soft); font-size: .85rem; }
.scroll { overflow-x: auto; } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; min-width: 4.2rem; }
th { color: var(--soft); font-weight: 600; } td.number, th.number { text-align: right; }
.outcome { display: inline-block; padding: .1rem .6rem; border: 2px solid currentColor; border-radius: 1rem;
  font-weight: 600; } .good { color: var(--good); } .bad { color: var(--bad); } .wait { color: var(--wait); }
"""

_GOOD = {
    "pass",
    "promote",
    "promoted",
    "approved",
    "first_release",
    "canary",
    "unchanged",
    "restored",
    "healthy",
    "start",
    "sent",
}
_BAD = {
    "fail",
    "refused",
    "stale",
    "roll_back",
    "rolled_back",
    "not_restored",
    "rejected",
    "timed_out",
    "data_fault",
    "over_budget",
}


@dataclass(frozen=True)
class Section:
    """A heading with a body that is already HTML."""

    title: str
    html: str


def page(title: str, sections: Iterable[Section], style: str = "") -> str:
    """The whole document; ``style`` adds rules of our own to those that every report has."""
    body = "\n".join(f"<section><h2>{escape(part.title)}</h2>\n{part.html}</section>" for part in sections)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head>\n"
        f"<body><main><h1>{escape(title)}</h1>\n{body}\n</main></body></html>\n"
    )


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>\n"


def bullets(lines: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>\n"


def format_number(value: Any) -> str:
    """A number as a reader wants it; other values as text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:.4g}"


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], right: Container[int] = ()) -> str:
    """A table; a column is set right when all its values are numbers, and where ``right`` holds its place."""
    cells = [list(row) for row in rows]
    numeric = [
        i in right
        or (bool(cells) and all(isinstance(row[i], int | float) and not isinstance(row[i], bool) for row in cells))
        for i in range(len(headers))
    ]

    def line(tag: str, values: Sequence[Any]) -> str:
        return (
            "<tr>"
            + "".join(
                f"<{tag}{' class=number' if is_number else ''}>{escape(format_number(value))}</{tag}>"
                for value, is_number in zip(values, numeric, strict=True)
            )
            + "</tr>"
        )

    body = "".join(line("td", row) for row in cells)
    return f'<div class="scroll"><table><thead>{line("th", headers)}</thead><tbody>{body}</tbody></table></div>\n'


def outcome_badge(outcome: str) -> str:
    kind = "good" if outcome in _GOOD else "bad" if outcome in _BAD else "wait"
    return f'<span class="outcome {kind}">{escape(outcome.replace("_", " "))}</span>'


def decision_section(decision: Decision | SavedDecision, title: str = "Decision") -> Section:
    """Outcome, reasons and numbers, in that order."""
    html = f"<p>{outcome_badge(str(decision.outcome))}</p>\n{bullets(decision.reasons)}"
    if decision.numbers:
        html += mapping_table(decision.numbers, "number")
    return Section(title, html)


def mapping_table(values: Mapping[str, Any], name: str = "name") -> str:
    return table([name, "value"], [[key.replace("_", " "), value] for key, value in sorted(values.items())])
