"""Layers of a graph, and the order within each, by the method of Sugiyama et al. (1981). Pure.

An item's layer is the longest path to it. An edge over several layers gets a bend in each layer that it passes, so
that it runs between the items and never through one.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kfp_lifecycle.local.status_page.graph import Graph, GraphError

_SWEEPS = 4


@dataclass(frozen=True)
class Layers:
    """A graph in layers.

    Attributes:
        rows: node numbers by layer; numbers from ``len(graph.items)`` are bends.
        links: edges between nodes of neighbouring layers.
        paths: for each edge that is drawn, its nodes from source to target.
    """

    rows: tuple[tuple[int, ...], ...]
    links: frozenset[tuple[int, int]]
    paths: tuple[tuple[int, ...], ...]


def layers(graph: Graph) -> Layers:
    """The layers of a graph.

    Raises:
        GraphError: the edges form a circle.
    """
    count = len(graph.items)
    rank = _ranks(count, graph.edges)
    paths: list[tuple[int, ...]] = []
    rows: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for node, layer in enumerate(rank):
        rows[layer].append(node)
    for source, target in sorted(_reduced(count, graph.edges, rank)):
        path = [source]
        for layer in range(rank[source] + 1, rank[target]):
            path.append(count)
            rows[layer].append(count)
            count += 1
        paths.append((*path, target))
    links = frozenset(pair for path in paths for pair in itertools.pairwise(path))
    return Layers(_ordered(rows, links), links, tuple(paths))


def _ranks(count: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """The length of the longest path to each node."""
    after: dict[int, list[int]] = defaultdict(list)
    waiting = [0] * count
    for source, target in edges:
        after[source].append(target)
        waiting[target] += 1
    rank = [0] * count
    ready = [node for node in range(count) if not waiting[node]]
    for node in ready:
        for target in after[node]:
            rank[target] = max(rank[target], rank[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    if len(ready) < count:
        raise GraphError("its tasks wait for each other in a circle")
    return rank


def _reduced(count: int, edges: Iterable[tuple[int, int]], rank: Sequence[int]) -> set[tuple[int, int]]:
    """The edges that no longer path implies; the others would only hide them."""
    after: dict[int, set[int]] = defaultdict(set)
    for source, target in edges:
        after[source].add(target)
    reached: dict[int, set[int]] = {}
    for node in sorted(range(count), key=lambda each: -rank[each]):
        reached[node] = set(after[node]).union(*(reached[target] for target in after[node]))
    return {
        (source, target)
        for source, targets in after.items()
        for target in targets
        if not any(target in reached[other] for other in targets)
    }


def _ordered(rows: list[list[int]], links: Iterable[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """The rows, with few crossings: each node near the mean place of its neighbours."""
    above: dict[int, list[int]] = defaultdict(list)
    below: dict[int, list[int]] = defaultdict(list)
    for source, target in links:
        above[target].append(source)
        below[source].append(target)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        order = rows if down else rows[::-1]
        for fixed, moved in itertools.pairwise(order):
            _sort(moved, near, {node: place for place, node in enumerate(fixed)})
    return tuple(map(tuple, rows))


def _sort(row: list[int], near: Mapping[int, Sequence[int]], places: Mapping[int, int]) -> None:
    own = {node: place for place, node in enumerate(row)}

    def mean(node: int) -> float:
        found = [places[each] for each in near.get(node, ())]
        return sum(found) / len(found) if found else float(own[node])

    row.sort(key=lambda node: (mean(node), own[node]))
