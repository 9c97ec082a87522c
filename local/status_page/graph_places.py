"""Where the nodes of a layer stand: as near to where they would like to be as their widths allow. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Wish:
    """A node's wish.

    Attributes:
        at: where its anchor would like to be.
        left, right: how far the node reaches from its anchor.
        weight: how much its wish counts.
    """

    at: float
    left: float
    right: float
    weight: float


def placed(wishes: Sequence[Wish], gap: float) -> list[float]:
    """The anchors from left to right, at least ``gap`` between two nodes, with the least weighted squared distance
    from the wishes: isotonic regression by pooling adjacent violators.

    >>> placed([Wish(0, 10, 10, 1), Wish(0, 10, 10, 1)], gap=4)
    [-12.0, 12.0]
    """
    offsets = [0.0]
    for one, other in itertools.pairwise(wishes):
        offsets.append(offsets[-1] + one.right + gap + other.left)
    # Blocks of (weighted sum, weight, members); neighbours that would overlap are pooled.
    blocks: list[tuple[float, float, int]] = []
    for wish, offset in zip(wishes, offsets, strict=False):
        block = ((wish.at - offset) * wish.weight, wish.weight, 1)
        while blocks and blocks[-1][0] / blocks[-1][1] > block[0] / block[1]:
            total, weight, members = blocks.pop()
            block = (block[0] + total, block[1] + weight, block[2] + members)
        blocks.append(block)
    starts = [total / weight for total, weight, members in blocks for _ in range(members)]
    return [start + offset for start, offset in zip(starts, offsets, strict=False)]
