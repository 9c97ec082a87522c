from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from tests.local.status_page.graphs import graphs

from kfp_lifecycle.local.status_page.drawing import path_of
from kfp_lifecycle.local.status_page.graph import Graph, GraphError, Group, Step
from kfp_lifecycle.local.status_page.graph_layers import layers
from kfp_lifecycle.local.status_page.graph_layout import Box, Layout, Line, layout
from kfp_lifecycle.local.status_page.graph_places import Wish, placed


def _points(line: Line) -> Iterator[tuple[float, float]]:
    """Many points of the edge as it is drawn: straight, or a curve as ``path_of`` writes it."""
    for (x, y), (to_x, to_y) in zip(line.points, line.points[1:], strict=False):
        for share in (n / 12 for n in range(13)):
            bent = 3 * share**2 - 2 * share**3
            # Both control points are at half height, so y is a cubic of its own.
            middle = (y + to_y) / 2
            height = y * (1 - share) ** 3 + 3 * middle * share * (1 - share) + to_y * share**3
            yield x + (to_x - x) * bent, height


def _inside(box: Box, point: tuple[float, float]) -> bool:
    return box.x + 0.5 < point[0] < box.x + box.width - 0.5 and box.y + 0.5 < point[1] < box.y + box.height - 0.5


def _holds(outer: Box, inner: Box) -> bool:
    return inner.item.key.startswith(f"{outer.item.key}/")


def _apart(one: Box, other: Box) -> bool:
    return (
        one.x + one.width < other.x
        or other.x + other.width < one.x
        or one.y + one.height < other.y
        or other.y + other.height < one.y
    )


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_no_two_nodes_overlap_and_a_group_holds_its_own(graph: Graph) -> None:
    boxes = layout(graph).boxes
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            if _holds(one, other):
                assert one.x < other.x and other.x + other.width < one.x + one.width
                assert one.y < other.y and other.y + other.height < one.y + one.height
            else:
                assert _apart(one, other), (one, other)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_everything_is_inside_the_view_box(graph: Graph) -> None:
    found = layout(graph)
    corners = [point for box in found.boxes for point in ((box.x, box.y), (box.x + box.width, box.y + box.height))]
    for x, y in [*corners, *(point for line in found.lines for point in _points(line))]:
        assert 0 < x < found.width and 0 < y < found.height


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_every_edge_goes_down_and_crosses_no_node(graph: Graph) -> None:
    found = layout(graph)
    for line in found.lines:
        points = list(_points(line))
        assert points[0][1] < points[-1][1]
        assert all(one[1] <= other[1] + 1e-6 for one, other in itertools.pairwise(points))
        for box in found.boxes:
            crossed = [_inside(box, point) for point in points]
            # An edge may be inside of a group as a whole: then the group holds both of its ends.
            assert all(crossed) if any(crossed) and isinstance(box.item, Group) else not any(crossed), (box, line)


@settings(max_examples=60, deadline=None)
@given(graphs(depth=0))
def test_what_is_drawn_orders_the_same_tasks_as_all_edges_do(graph: Graph) -> None:
    drawn = {(path[0], path[-1]) for path in layers(graph).paths}
    assert drawn <= graph.edges
    assert _closure(drawn) == _closure(set(graph.edges))


def _closure(edges: set[tuple[int, int]]) -> set[tuple[int, int]]:
    while more := {(a, d) for a, b in edges for c, d in edges if b == c} - edges:
        edges = edges | more
    return edges


def test_a_chain_is_one_straight_line() -> None:
    items = tuple(Step(name, name, frozenset()) for name in "abc")
    found = layout(Graph(items, frozenset({(0, 1), (1, 2), (0, 2)})))
    assert len({box.x for box in found.boxes}) == 1
    assert len(found.lines) == 2, "the edge from the first to the last says nothing more"
    assert all("C" not in path_of(line) for line in found.lines)


def test_tasks_that_wait_for_each_other_in_a_circle_are_not_drawn() -> None:
    items = tuple(Step(name, name, frozenset()) for name in "ab")
    with pytest.raises(GraphError, match="circle"):
        layout(Graph(items, frozenset({(0, 1), (1, 0)})))


def test_a_node_stands_where_it_wishes_unless_it_would_overlap() -> None:
    assert placed([Wish(0, 5, 5, 1), Wish(100, 5, 5, 1)], gap=2) == [0, 100]
    one, other = placed([Wish(50, 5, 5, 3), Wish(50, 5, 5, 1)], gap=2)
    assert other - one == 12
    assert 50 - one == pytest.approx(3), "the one that counts more moves less"


def test_an_empty_graph_is_an_empty_drawing() -> None:
    assert layout(Graph((), frozenset())) == Layout(6, 6, 3, (), ())
