"""The report of a validation, rendered from its decision."""

from __future__ import annotations

from collections.abc import Mapping

from kfp_lifecycle.components.validation.measurement import Measurement
from kfp_lifecycle.components.validation.schema import TableSchema
from kfp_lifecycle.core import report
from kfp_lifecycle.core.decision import Decision

_SHOWN = 200


def render(decision: Decision, measured: Measurement, expected: TableSchema, bad: Mapping[str, int]) -> str:
    """The decision, the rows put aside by reason, and each column beside what the schema expects of it."""
    sections = [report.decision_section(decision)]
    if bad:
        rows = [[reason, count] for reason, count in list(bad.items())[:_SHOWN]]
        sections.append(report.Section("Rows put aside", report.table(["reason", "rows"], rows)))
    sections.append(report.Section("Columns", _columns(measured, expected)))
    return report.page("Validation", sections)


def _columns(measured: Measurement, expected: TableSchema) -> str:
    wanted = {column.name: column for column in expected.columns}
    rows = []
    for name in list(dict.fromkeys([*measured.columns, *wanted]))[:_SHOWN]:
        found, schema = measured.columns.get(name), wanted.get(name)
        share = found.missing / measured.rows if found and measured.rows else 0.0
        rows.append(
            [
                name,
                found.kind if found else "absent",
                schema.kind if schema else "not in the schema",
                f"{share:.1%}" if found else "",
                f"{schema.missing_share:.1%}" if schema else "",
                _range(found.minimum, found.maximum) if found else "",
                _range(schema.minimum, schema.maximum) if schema else "",
                str(found.unseen) if found and schema and schema.categories is not None else "",
            ]
        )
    headers = ["column", "holds", "expected", "missing", "expected", "range", "expected", "unknown values"]
    return report.table(headers, rows)


def _range(low: float | int | None, high: float | int | None) -> str:
    return "" if low is None or high is None else f"{report.format_number(low)} to {report.format_number(high)}"
