"""What charts are drawn of, in the colours of a report: round marks, text, keys and the frame around a drawing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

_NAME = 60

# The rules of a page that shows a key; see ``report.page``.
STYLE = """
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; max-width: none; margin: .5rem 0 0; padding: 0;
  list-style: none; color: var(--soft); font-size: .85rem; } .key li { max-width: none; }
.key svg { vertical-align: -2px; margin-right: .4rem; }
"""


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values that cover ``low`` to ``high``, about ``wanted`` of them."""
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"axis limits {low} and {high} are not finite")
    # A span that the marks' own digits cannot show is drawn as a flat line.
    if high - low <= max(1e-9 * max(abs(low), abs(high)), 1e-300):
        high = low + (abs(low) if abs(low) > 1e-290 else 1.0)
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step), math.ceil(high / step)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def short(name: str, length: int = _NAME) -> str:
    """A name from outside, cut in its middle where it is long: the size of a page must not hang on it."""
    if len(name) <= length:
        return name
    half = (length - 1) // 2
    return f"{name[: length - 1 - half]}…{name[len(name) - half :]}"


def text(x: float, y: float, content: str, anchor: str = "middle", ink: str = "var(--soft)") -> str:
    """A line of text, escaped."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11" fill="{ink}">{escape(content)}</text>'


def rule(x1: float, x2: float, y1: float, y2: float, ink: str = "var(--line)", more: str = "") -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" stroke="{ink}"{more}/>'


def drawing(parts: Sequence[str], label: str, width: int, height: int, lowest: int = 0) -> str:
    """The SVG alone; with ``lowest`` it is never shown narrower than so many pixels, and scrolls in its own frame."""
    style = f' style="min-width:{lowest}px"' if lowest else ""
    svg = (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(label, quote=True)}" font-family="inherit"{style}>{"".join(parts)}</svg>'
    )
    return f'<div class="scroll">{svg}</div>' if lowest else svg


def figure(parts: Sequence[str], caption: str, width: int, height: int, lowest: int = 0) -> str:
    """A drawing with its caption below."""
    return (
        f"<figure>{drawing(parts, caption, width, height, lowest)}<figcaption>{escape(caption)}</figcaption></figure>\n"
    )


def key(entries: Iterable[tuple[str, str]]) -> str:
    """What each mark means: its SVG in a box of 22 by 12, and words. It wraps, so words never run into each other."""
    items = "".join(
        f'<li><svg width="22" height="12" aria-hidden="true">{mark}</svg>{escape(words)}</li>'
        for mark, words in entries
    )
    return f'<ul class="key">{items}</ul>\n'
