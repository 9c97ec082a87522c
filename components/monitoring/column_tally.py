"""What the quality checks need of one column, gathered batch by batch in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.core.signature import Column

if TYPE_CHECKING:
    import pyarrow as pa

# More distinct texts than any sketch holds; what comes later is counted, not named.
_CATEGORIES = 10_000
LATER = "(more)"


@dataclass
class ColumnTally:
    """Counts over all rows added so far.

    Attributes:
        missing: null or NaN.
        infinite: of numbers.
        foreign: fractions in a column of whole numbers; neither 0 nor 1 in one of booleans.
        categories: rows by text.
        low, high: the smallest and largest number; None before there is one.
    """

    column: Column
    rows: int = 0
    missing: int = 0
    infinite: int = 0
    foreign: int = 0
    categories: dict[str, int] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None

    @property
    def constant(self) -> bool:
        """Whether all values are one."""
        return len(self.categories) == 1 if self.column.type == "category" else self.low == self.high is not None

    @property
    def only(self) -> Any:
        """The value of a constant column."""
        return next(iter(self.categories)) if self.column.type == "category" else self.low

    def add(self, values: pa.Array) -> None:
        """Count a batch of a type that does not misfit."""
        import pyarrow.types as types

        self.rows += len(values)
        if types.is_null(values.type):
            self.missing += len(values)
        elif self.column.type == "category":
            self._add_texts(values)
        else:
            self._add_numbers(values)

    def _add_texts(self, values: pa.Array) -> None:
        import pyarrow.compute as pc

        self.missing += values.null_count
        for pair in pc.value_counts(values.drop_null()).to_pylist():
            name = str(pair["values"])
            if name not in self.categories and len(self.categories) >= _CATEGORIES:
                name = LATER
            self.categories[name] = self.categories.get(name, 0) + int(pair["counts"])

    def _add_numbers(self, values: pa.Array) -> None:
        import numpy as np
        import pyarrow as pa

        numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        present = numbers[~np.isnan(numbers)]
        finite = present[np.isfinite(present)]
        self.missing += len(numbers) - len(present)
        self.infinite += len(present) - len(finite)
        if self.column.type == "integer":
            self.foreign += int((finite % 1 != 0).sum())
        elif self.column.type == "boolean":
            self.foreign += int(((finite != 0) & (finite != 1)).sum())
        if len(finite):
            low, high = float(finite.min()), float(finite.max())
            self.low = low if self.low is None else min(low, self.low)
            self.high = high if self.high is None else max(high, self.high)
