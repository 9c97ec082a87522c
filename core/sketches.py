"""Small summaries of one column, enough to test later rows against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

QUANTILES = 1001
CATEGORIES = 500


@dataclass(frozen=True)
class NumberSketch:
    """A column of numbers (booleans are 0 and 1).

    Attributes:
        rows: all rows.
        missing: rows without a value.
        quantiles: values of the column at evenly spaced ranks from the smallest to the largest, at most 1001; the
            inverted distribution function, so that a value held by many rows stands there exactly as often.
        mean: of the present values; None when there are none.
        deviation: their standard deviation.
    """

    rows: int
    missing: int
    quantiles: tuple[float, ...]
    mean: float | None
    deviation: float | None
    kind: Literal["numbers"] = "numbers"


@dataclass(frozen=True)
class CategorySketch:
    """A column of categories.

    Attributes:
        rows: all rows.
        missing: rows without a value.
        counts: rows of the most frequent values, at most 500, the most frequent first.
        other: rows of all other values together.
        distinct: number of distinct values, those in ``other`` included.
    """

    rows: int
    missing: int
    counts: Mapping[str, int]
    other: int
    distinct: int
    kind: Literal["categories"] = "categories"


Sketch = NumberSketch | CategorySketch


def quantile_ranks(present: int) -> npt.NDArray[np.int64]:
    """Where a sketch's quantiles stand among so many sorted values, from 0."""
    return np.linspace(0, present - 1, min(QUANTILES, present)).round().astype(np.int64)


def sketch_numbers(values: npt.NDArray[np.float64]) -> NumberSketch:
    """Summarise numbers; NaN is missing."""
    present = np.sort(values[~np.isnan(values)])
    if not len(present):
        return NumberSketch(len(values), len(values), (), None, None)
    return NumberSketch(
        rows=len(values),
        missing=len(values) - len(present),
        quantiles=tuple(float(value) for value in present[quantile_ranks(len(present))]),
        mean=float(present.mean()),
        deviation=float(present.std()),
    )


def sketch_categories(values: npt.NDArray[Any]) -> CategorySketch:
    """Summarise text or other labels, named by their text; None and NaN are missing."""
    import pandas as pd

    counts = pd.Series(values, dtype=object).value_counts(dropna=True)
    named: dict[str, int] = {}
    for name, count in counts.items():
        named[str(name)] = named.get(str(name), 0) + int(count)
    return sketch_counts(named, len(values))


def sketch_counts(counts: Mapping[str, int], rows: int) -> CategorySketch:
    """Summarise categories that were counted already; the rows beyond the counted ones are missing."""
    named = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    kept = dict(named[:CATEGORIES])
    present = sum(counts.values())
    return CategorySketch(rows, rows - present, kept, present - sum(kept.values()), len(named))


def sketch_to_json(sketch: Sketch) -> dict[str, Any]:
    """Plain JSON."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(sketch).items()}


def sketch_from_json(content: Mapping[str, Any]) -> Sketch:
    """Read what ``sketch_to_json`` wrote.

    Raises:
        ValueError: neither kind of sketch.
    """
    values = dict(content)
    kind = values.pop("kind", None)
    if kind == "numbers":
        return NumberSketch(**{**values, "quantiles": tuple(values["quantiles"])})
    if kind == "categories":
        return CategorySketch(**values)
    raise ValueError(f"a sketch of kind {kind!r}: this version reads numbers and categories")
