"""A heat map as a table: every cell holds its figure, so that it is read without colours, copied and spoken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from kfp_lifecycle.core.chart_parts import short
from kfp_lifecycle.core.report import format_number

# Each step is named in the key: of the limit a half, the whole, and so many times the whole.
_STEPS = (0.5, 1.0, 2.5, 5.0)

STYLE = """
.heat th { font-size: .85rem; } .heat thead th { font-size: .8rem; text-align: center;
  padding: .2rem .4rem; white-space: nowrap; }
.heat tbody th { text-align: left; min-width: 7.5rem; max-width: 14rem; overflow-wrap: anywhere; color: var(--ink);
  font-weight: 400; position: sticky; left: 0; background: var(--page); padding: .15rem .8rem .15rem 0; }
.heat tbody th.strong { font-weight: 700; }
.heat td { text-align: center; min-width: 3.6rem; padding: .15rem .3rem; font-size: .85rem;
  border: 1px solid var(--page); }
.w0, .w1, .w2, .w3, .w4 { border-radius: 3px; } .w0 { background: rgb(128 140 160 / .10); }
.w1 { background: rgb(224 150 40 / .22); } .w2 { background: rgb(224 120 40 / .45); }
.w3 { background: rgb(220 95 45 / .62); } .w4 { background: rgb(210 65 45 / .78); }
.on { font-weight: 700; box-shadow: inset 0 0 0 2px var(--ink); }
.swatch { display: inline-block; min-width: 1.6rem; padding: 0 .3rem; text-align: center; margin-right: .3rem; }
"""


@dataclass(frozen=True)
class Cell:
    """A figure; None where there is none. ``on`` says that the rule that decides holds it against the column."""

    value: float | None
    on: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the map; a strong one is set in bold."""

    name: str
    cells: Sequence[Cell]
    strong: bool = False


def warmth(value: float | None, limit: float) -> str:
    """The class of a figure by its size against the limit; empty where there is none."""
    if value is None or not math.isfinite(value):
        return ""
    return f"w{sum(value > step * limit for step in _STEPS)}"


def heat_map(headers: Sequence[str], rows: Sequence[Row], limit: float, on: str) -> str:
    """The map with its key.

    Args:
        headers: of the columns of cells.
        rows: with one cell a header.
        limit: the figure from which a cell is warm.
        on: what the frame around a cell means.
    """
    head = "".join(f'<th scope="col">{escape(header)}</th>' for header in headers)
    body = "".join(_line(row, len(headers), limit) for row in rows)
    return (
        f'<div class="scroll"><table class="heat"><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>'
        f"</div>\n{_key(limit, on)}"
    )


def _line(row: Row, wanted: int, limit: float) -> str:
    if len(row.cells) != wanted:
        raise ValueError(f"row {row.name} has {len(row.cells)} cells for {wanted} headers")
    name = f'<th scope="row"{" class=strong" if row.strong else ""}>{escape(short(row.name, 40))}</th>'
    return f"<tr>{name}{''.join(_cell(cell, limit) for cell in row.cells)}</tr>"


def _cell(cell: Cell, limit: float) -> str:
    # What the rule held against a column is marked even where no figure could be made.
    look = " ".join(part for part in (warmth(cell.value, limit), "on" if cell.on else "") if part)
    words = "–" if cell.value is None or not math.isfinite(cell.value) else short_number(cell.value)
    return f'<td class="{look}">{words}</td>' if look else f"<td>{words}</td>"


def short_number(value: float) -> str:
    """Two digits behind the point, fewer where the figure is large."""
    return f"{value:.2f}" if abs(value) < 10 else f"{value:,.0f}" if abs(value) < 1e4 else f"{value:.0e}"


def _key(limit: float, on: str) -> str:
    borders = [format_number(float(f"{step * limit:.3g}")) for step in _STEPS]
    words = [f"up to {borders[0]}", *(f"up to {border}" for border in borders[1:]), f"above {borders[-1]}"]
    items = [f'<li><span class="swatch w{i}">&nbsp;</span>{word}</li>' for i, word in enumerate(words)]
    items.append(f'<li><span class="swatch on">0.0</span>{escape(on)}</li>')
    return f'<ul class="key">{"".join(items)}</ul>\n'
