"""What both protocols make of a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any


@dataclass(frozen=True, slots=True)
class Rows:
    """The values of a request: one sequence per column of the signature, in its order, each ``count`` long."""

    count: int
    columns: Sequence[Sequence[Any]]


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of several requests, one after the other."""
    if len(parts) == 1:
        return parts[0]
    columns = [list(chain.from_iterable(values)) for values in zip(*(part.columns for part in parts), strict=True)]
    return Rows(sum(part.count for part in parts), columns)
