"""Which rows are held out: one answer for each row, from what tells rows apart and never from their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.core.rows import positions

if TYPE_CHECKING:
    import numpy.typing as npt

    Hashes = npt.NDArray[np.uint64]
    Side = npt.NDArray[np.bool_]


def by_chance(hashes: Hashes, fraction: float, seed: int) -> Side:
    """Hold out each hash with probability ``fraction``.

    A row keeps its side when rows are added or removed. The share held out is ``fraction`` up to chance, with
    standard deviation sqrt(fraction (1 - fraction) / distinct hashes).
    """
    return positions(hashes, seed) < fraction


def by_class(hashes: Hashes, classes: Hashes, fraction: float, seed: int) -> Side:
    """Hold out ``fraction`` of each class, rounded to whole rows; equal rows stay together.

    A class keeps at least one of its distinct rows in training, so that no class is only in the holdout.
    """
    held = np.zeros(len(hashes), dtype=bool)
    places = positions(hashes, seed)
    ordered = np.lexsort((places, classes))
    for members in np.split(ordered, np.flatnonzero(np.diff(classes[ordered])) + 1):
        count = _nearest_edge(places[members], round(fraction * len(members)))
        held[members[:count]] = True
    return held


def by_order(values: npt.NDArray[Any], fraction: float) -> Side:
    """Hold out the rows with the largest values; equal values stay together, on the side that comes nearer."""
    ordered = np.sort(values)[::-1]
    count = _nearest_edge(ordered, round(fraction * len(values)), least=1)
    held: Side = values >= ordered[count - 1] if count else np.zeros(len(values), dtype=bool)
    return held


def overlap(hashes: Hashes, held: Side) -> int:
    """How many distinct hashes lie on both sides."""
    return len(np.intersect1d(hashes[held], hashes[~held]))


def _nearest_edge(ordered: npt.NDArray[Any], count: int, least: int = 0) -> int:
    """The number of leading values nearest to ``count`` that cuts between different values and leaves some over."""
    edges = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
    edges = edges[edges >= least]
    return int(edges[np.argmin(np.abs(edges - count))]) if len(edges) else 0
