"""The checks that a single row can fail, run by pandera batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.components.validation.measurement import Measurement, kind_of
from kfp_lifecycle.components.validation.schema import TableSchema

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa


class RowChecks:
    """Remembers for every row why it is bad, as a number into a short list of reasons.

    A reason names the column and what was expected, not the value: the value is in the row, and so a whole table of
    bad rows needs four bytes each.
    """

    def __init__(self, schema: TableSchema, measurement: Measurement, table: pa.Schema, label: str) -> None:
        self.reasons = [""]
        self.codes: npt.NDArray[np.int32] = np.zeros(measurement.rows, dtype=np.int32)
        self._checked = pandera_schema(schema, table, label)
        self._label = label
        self._repeats = {
            f"{name} repeats an earlier row": column.repeats
            for name, column in measurement.columns.items()
            if column.repeats is not None
        }
        self._numbers: dict[str, int] = {"": 0}

    def check(self, batch: pa.RecordBatch, start: int) -> npt.NDArray[np.int32]:
        """Judge the rows from number ``start`` on; zero means good."""
        faults: dict[int, list[str]] = {}
        for reason, rows in self._row_faults(batch).items():
            for row in rows:
                faults.setdefault(row, []).append(reason)
        for reason, repeats in self._repeats.items():
            for row in np.flatnonzero(repeats[start : start + batch.num_rows]).tolist():
                faults.setdefault(row, []).append(reason)
        for row, found in faults.items():
            reason = "; ".join(found)
            if reason not in self._numbers:
                self._numbers[reason] = len(self.reasons)
                self.reasons.append(reason)
            self.codes[start + row] = self._numbers[reason]
        return self.codes[start : start + batch.num_rows]

    def counts(self) -> dict[str, int]:
        """Bad rows by reason, the commonest first."""
        counted = np.bincount(self.codes, minlength=len(self.reasons))
        pairs = [(reason, int(count)) for reason, count in zip(self.reasons, counted, strict=True) if reason and count]
        return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))

    def _row_faults(self, batch: pa.RecordBatch) -> Mapping[str, list[int]]:
        from pandera.errors import SchemaErrors

        frame = batch.select(list(self._checked.columns)).to_pandas()
        try:
            self._checked.validate(frame, lazy=True)
        except SchemaErrors as errors:
            return _by_reason(errors.failure_cases, self._label)
        return {}


def pandera_schema(schema: TableSchema, table: pa.Schema, label: str) -> Any:
    """The row checks as a pandera schema, for those columns of the table that have the expected kind.

    * The label must be present, and a text label must be one of the known classes.
    * A number must be finite and within the schema's range and its slack.
    """
    import pandera.pandas as pandera

    kinds = {field.name: kind_of(field.type) for field in table}
    columns = {label: pandera.Column(nullable=False)}
    for column in schema.columns:
        if kinds.get(column.name) != column.kind:
            continue
        checks = []
        if column.kind == "number":
            checks.append(pandera.Check(_is_finite, error=f"{column.name} is infinite"))
            if bounds := column.bounds(schema.tolerances.range_slack):
                low, high = bounds
                checks.append(pandera.Check.ge(low, error=f"{column.name} is below {low:g}"))
                checks.append(pandera.Check.le(high, error=f"{column.name} is above {high:g}"))
        if column.name == label and column.categories is not None:
            known = list(column.categories)
            checks.append(pandera.Check.isin(known, error=f"{label} is none of the known classes"))
        if checks or column.name == label:
            columns[column.name] = pandera.Column(checks=checks, nullable=column.name != label)
    return pandera.DataFrameSchema(columns)


def _is_finite(values: pd.Series[Any]) -> Any:
    return ~np.isinf(values.astype(float))


def _by_reason(cases: pd.DataFrame, label: str) -> dict[str, list[int]]:
    texts = cases["check"].where(cases["check"] != "not_nullable", f"{label} is missing")
    return {str(reason): rows.astype(int).tolist() for reason, rows in cases["index"].groupby(texts, sort=False)}
