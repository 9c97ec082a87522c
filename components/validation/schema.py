"""What a table is expected to look like: inferred once, kept as JSON that a person can read and edit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.components.validation.measurement import Measurement
from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

# To change the format: raise this number, keep a reader of the old one in from_json, and a test of both.
FORMAT = 1
# With fewer rows, values that differ say nothing about a column: eight hours of a day differ too.
_ROWS_FOR_UNIQUE = 100


@dataclass(frozen=True)
class Tolerances:
    """How far a later table may lie from the one the schema was inferred from.

    Attributes:
        range_slack: a number may leave the observed range by this part of its width on either side. Half a width
            lets the seasons pass and stops values of another unit or an invented extreme.
        missing_share: the share of missing values of a column may grow by this much.
        unseen_share: the largest share of a column's values that are no known category.
        duplicate_share: the share of rows that repeat an earlier row may grow by this much.
    """

    range_slack: float = 0.5
    missing_share: float = 0.05
    unseen_share: float = 0.05
    duplicate_share: float = 0.01


@dataclass(frozen=True)
class ColumnSchema:
    """What one column is expected to hold.

    Attributes:
        name: of the column.
        kind: number, boolean, text, time, clock or bytes.
        missing_share: the observed share of missing values, 0 to 1.
        minimum: the smallest observed number; none where no range is expected.
        maximum: the largest.
        categories: the known values of a text column; none where there were too many to list.
        unique: no value may appear twice, as in a column of identifiers.
    """

    name: str
    kind: str
    missing_share: float = 0.0
    minimum: float | int | None = None
    maximum: float | int | None = None
    categories: tuple[str, ...] | None = None
    unique: bool = False

    def bounds(self, slack: float) -> tuple[float, float] | None:
        """The range that a number must lie in; a column of one value has no width to judge by."""
        if self.minimum is None or self.maximum is None or self.minimum == self.maximum:
            return None
        width = self.maximum - self.minimum
        return self.minimum - slack * width, self.maximum + slack * width


@dataclass(frozen=True)
class TableSchema:
    """The expected columns and what holds for the table as a whole."""

    columns: tuple[ColumnSchema, ...]
    duplicate_share: float = 0.0
    tolerances: Tolerances = field(default_factory=Tolerances)

    def to_json(self) -> bytes:
        """The same schema gives the same bytes."""
        columns = [
            {key: value for key, value in asdict(column).items() if value is not None} for column in self.columns
        ]
        content = {
            "format": FORMAT,
            "columns": columns,
            "duplicate_share": self.duplicate_share,
            "tolerances": asdict(self.tolerances),
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes, uri: str) -> TableSchema:
        """Read a schema, perhaps edited by hand.

        Raises:
            InputError: it is not JSON, of another format, or has fields that a schema does not know.
        """
        try:
            read: Any = json.loads(content)
            if read["format"] != FORMAT:
                raise ValueError(f"its format is {read['format']}")
            columns = tuple(_column(column) for column in read["columns"])
            return cls(columns, float(read["duplicate_share"]), Tolerances(**read["tolerances"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "schema_uri",
                uri,
                f"a schema of format {FORMAT} that this step saved",
                f"It cannot be read: {type(error).__name__}: {error}. Repair it, or remove it to infer it anew.",
            ) from error


def infer(measurement: Measurement) -> TableSchema:
    """The schema that this table keeps."""
    columns = []
    for measured in measurement.columns.values():
        # Numbers may differ by chance, as prices in cents do; those of identifiers also rise.
        named = measured.kind == "text" or measured.rising
        unique = named and measured.unique and measurement.rows >= _ROWS_FOR_UNIQUE
        # Identifiers and counters, such as the number of the week, grow; their range says nothing.
        ranged = measured.kind == "number" and not unique and not measured.rising
        columns.append(
            ColumnSchema(
                name=measured.name,
                kind=measured.kind,
                missing_share=measured.missing / measurement.rows if measurement.rows else 0.0,
                minimum=measured.minimum if ranged else None,
                maximum=measured.maximum if ranged else None,
                categories=None if measured.categories is None else tuple(sorted(measured.categories)),
                unique=unique,
            )
        )
    return TableSchema(tuple(columns), measurement.duplicate_share)


def known_categories(schema: TableSchema) -> dict[str, tuple[str, ...]]:
    return {column.name: column.categories for column in schema.columns if column.categories is not None}


def unique_columns(schema: TableSchema, table: pa.Schema) -> list[str]:
    return [column.name for column in schema.columns if column.unique and column.name in table.names]


def _column(read: Mapping[str, Any]) -> ColumnSchema:
    categories = read.get("categories")
    for name in ("missing_share", "minimum", "maximum"):
        if not isinstance(read.get(name, 0), int | float):
            raise TypeError(f"{name} of {read.get('name')} is {read[name]!r}, not a number")
    return ColumnSchema(**{**read, "categories": None if categories is None else tuple(map(str, categories))})
