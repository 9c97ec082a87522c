"""Places and sizes for a task graph: groups as boxes around their steps, layer below layer. Pure.

All lengths are in pixels of the drawing. Every edge runs downwards: straight past the nodes of a layer, and aside only
in the free strip between two layers, so that it crosses no node.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace

from kfp_lifecycle.local.status_page.graph import Graph, Group, Step
from kfp_lifecycle.local.status_page.graph_layers import layers
from kfp_lifecycle.local.status_page.graph_places import Wish, placed

STEP_WIDTH = 154.0
LINE = 17.0
NOTE_LINE = 15.0
_STEP_HEIGHT = 34.0
_HEAD = 30.0  # for a group's title
_STRIP = 34.0  # between two layers
_GAP = 14.0  # between two nodes of a layer
_PAD = 12.0  # between a group's frame and what it holds
_MARGIN = 3.0  # for strokes at the drawing's border
# Wide averages of a letter's width in a title and in a note.
_TITLE_LETTER, _NOTE_LETTER = 7.2, 6.2


@dataclass(frozen=True)
class Box:
    """A step or group on the drawing.

    Attributes:
        lines: the title, broken so that it fits.
        notes: the group's note, likewise.
        depth: how many groups are around it.
    """

    item: Step | Group
    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()
    depth: int = 0


@dataclass(frozen=True)
class Line:
    """An edge as points from source to target; between two of unlike x it bends."""

    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Layout:
    """A drawing; ``anchor`` is the x at which an edge from above best enters. A group comes before what it holds."""

    width: float
    height: float
    anchor: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def layout(graph: Graph) -> Layout:
    """Lay out a graph.

    Raises:
        GraphError: its edges form a circle.
    """
    inner = _arranged(graph)
    moved = _moved(inner, _MARGIN, _MARGIN)
    return replace(moved, width=inner.width + 2 * _MARGIN, height=inner.height + 2 * _MARGIN)


def _arranged(graph: Graph) -> Layout:
    parts = [_part(item) for item in graph.items]
    found = layers(graph)
    bends = {node for row in found.rows for node in row if node >= len(parts)}
    shape = {node: (part.anchor, part.width - part.anchor) for node, part in enumerate(parts)}
    shape |= dict.fromkeys(bends, (0.0, 0.0))
    # Where two branches begin, the way to the larger one stays straight.
    weight = {node: float(len(part.boxes)) ** 4 for node, part in enumerate(parts)} | dict.fromkeys(bends, 1.0)
    at = _anchors(found.rows, found.links, shape, weight)
    left = min((at[node] - shape[node][0] for node in at), default=0.0)
    tops, y = [], 0.0
    for row in found.rows:
        tops.append(y)
        y += max((parts[node].height for node in row if node < len(parts)), default=0.0) + _STRIP
    layer = {node: number for number, row in enumerate(found.rows) for node in row}
    boxes: list[Box] = []
    lines: list[Line] = []
    for node, part in enumerate(parts):
        here = _moved(part, at[node] - shape[node][0] - left, tops[layer[node]])
        boxes += here.boxes
        lines += here.lines
    bottoms = [top - _STRIP for top in [*tops[1:], y]]
    for path in found.paths:
        start = (at[path[0]] - left, tops[layer[path[0]]] + parts[path[0]].height)
        points = [start, (start[0], bottoms[layer[path[0]]])]
        for node in path[1:]:
            points.append((at[node] - left, tops[layer[node]]))
            if node in bends:
                points.append((at[node] - left, bottoms[layer[node]]))
        lines.append(Line(tuple(points)))
    width = max((at[node] - left + shape[node][1] for node in at), default=0.0)
    first = found.rows[0] if found.rows else ()
    anchor = sum(at[node] - left for node in first) / len(first) if first else 0.0
    return Layout(width, max(y - _STRIP, 0.0), anchor, tuple(boxes), tuple(lines))


def _anchors(
    rows: tuple[tuple[int, ...], ...],
    links: frozenset[tuple[int, int]],
    shape: dict[int, tuple[float, float]],
    weight: dict[int, float],
) -> dict[int, float]:
    """The x of each node's anchor: downwards near those before it, upwards near those after it, and down again."""
    at = dict.fromkeys(shape, 0.0)
    for down in (True, False, True):
        for row in rows if down else rows[::-1]:
            wishes = []
            for node in row:
                near = [at[one if down else other] for one, other in links if node == (other if down else one)]
                wish = sum(near) / len(near) if near else at[node]
                wishes.append(Wish(wish, *shape[node], weight[node]))
            at |= zip(row, placed(wishes, _GAP), strict=True)
    return at


def _part(item: Step | Group) -> Layout:
    if isinstance(item, Step):
        lines = _broken(item.title, STEP_WIDTH - 2 * _PAD, _TITLE_LETTER, 3)
        height = _STEP_HEIGHT + LINE * len(lines)
        return Layout(STEP_WIDTH, height, STEP_WIDTH / 2, (Box(item, 0, 0, STEP_WIDTH, height, lines),), ())
    inner = _arranged(item.graph)
    width = max(inner.width, STEP_WIDTH) + 2 * _PAD
    aside = (width - inner.width) / 2
    titles = _broken(item.title, width - 2 * _PAD, _TITLE_LETTER, 2)
    notes = _broken(item.note, width - 2 * _PAD, _NOTE_LETTER, 2) if item.note else ()
    head = _HEAD + LINE * (len(titles) - 1) + NOTE_LINE * len(notes)
    held = _moved(inner, aside, head)
    height = head + inner.height + _PAD
    frame = Box(item, 0, 0, width, height, titles, notes)
    boxes = (frame, *(replace(box, depth=box.depth + 1) for box in held.boxes))
    return Layout(width, height, aside + inner.anchor, boxes, held.lines)


def _moved(part: Layout, x: float, y: float) -> Layout:
    boxes = tuple(replace(box, x=box.x + x, y=box.y + y) for box in part.boxes)
    lines = tuple(Line(tuple((px + x, py + y) for px, py in line.points)) for line in part.lines)
    return replace(part, anchor=part.anchor + x, boxes=boxes, lines=lines)


def _broken(text: str, room: float, letter: float, most: int) -> tuple[str, ...]:
    """The text in a few lines, with an ellipsis where it is cut."""
    width = max(int(room / letter), 2)
    lines = textwrap.wrap(" ".join(text.split()), width) or ["(no name)"]
    if len(lines) <= most:
        return tuple(lines)
    return (*lines[: most - 1], f"{lines[most - 1][: width - 1]}…")
