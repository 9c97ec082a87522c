"""What a window is compared with, one column at a time: every value of a table, or a profile's sketch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.core.sketches import CategorySketch, NumberSketch, Sketch, quantile_ranks

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NumberReference:
    """A column of numbers.

    Attributes:
        rows: all rows.
        missing: rows without a finite value.
        values: sorted; every value of the column, or a sketch's quantiles.
        ranks: where the quantiles stand among all values, from 0; None where ``values`` holds every value.
        mean: of the column.
        deviation: its standard deviation.
    """

    rows: int
    missing: int
    values: Numbers
    ranks: npt.NDArray[np.int64] | None
    mean: float
    deviation: float

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def largest_error(self) -> float:
        """How far a share of rows below some value may be from the column's own."""
        if self.ranks is None or len(self.ranks) < 2:
            return 0.0
        return float(np.diff(self.ranks).max() - 1) / self.present


ColumnReference = NumberReference | CategorySketch


@dataclass(frozen=True)
class Reference:
    """The columns by name.

    Attributes:
        kind: ``table`` or ``profile``; of the features, for a score is always a sketch.
        rows: of the table.
        columns: by name; called when the column's turn comes, so that not all need be in memory.
    """

    kind: str
    rows: int
    columns: Mapping[str, Callable[[], ColumnReference]] = field(default_factory=dict)


def sketched(sketch: Sketch) -> ColumnReference:
    """A column of a profile."""
    if isinstance(sketch, CategorySketch):
        return sketch
    values = np.asarray(sketch.quantiles, dtype=np.float64)
    ranks = quantile_ranks(sketch.rows - sketch.missing)
    lossless = len(ranks) == sketch.rows - sketch.missing
    return NumberReference(
        sketch.rows, sketch.missing, values, None if lossless else ranks, sketch.mean or 0.0, sketch.deviation or 0.0
    )


def profile_reference(sketches: Mapping[str, Sketch], rows: int) -> Reference:
    """The sketches of a profile, the score's under the score's name."""
    return Reference("profile", rows, {name: _later(sketch) for name, sketch in sketches.items()})


def with_sketches(reference: Reference, sketches: Mapping[str, Sketch]) -> Reference:
    """The same with sketches for the columns that it lacks, such as the score, which no training table has."""
    return replace(reference, columns={**{name: _later(item) for name, item in sketches.items()}, **reference.columns})


def _later(sketch: NumberSketch | CategorySketch) -> Callable[[], ColumnReference]:
    return lambda: sketched(sketch)
