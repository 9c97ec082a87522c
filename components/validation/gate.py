"""The gate: whether a table may be learned from, decided on what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kfp_lifecycle.components.validation.measurement import Measurement
from kfp_lifecycle.components.validation.schema import TableSchema
from kfp_lifecycle.core.decision import Decision

_NAMED = 10


class Outcome(StrEnum):
    PASS = "pass"
    FAIL = "fail"


@dataclass(frozen=True)
class Limits:
    """What the run asked for.

    Attributes:
        max_bad_share: the largest share of rows put aside that still passes, 0 to 1.
        min_rows: the smallest number of good rows that passes.
    """

    max_bad_share: float
    min_rows: int


def decide(
    measured: Measurement,
    expected: TableSchema,
    bad: Mapping[str, int],
    label: str,
    limits: Limits,
    inputs: Mapping[str, Any],
) -> Decision:
    """Pass when the table keeps its schema, the label can be learned, and few enough rows are bad.

    Every rule that is broken gives a reason; the numbers are of the whole table.

    Args:
        measured: what the table holds.
        expected: what it should hold.
        bad: rows put aside, by reason.
        label: the column to be predicted.
        limits: what the run asked for.
        inputs: digests and names to be kept with the decision.
    """
    bad_rows = sum(bad.values())
    good_rows = measured.rows - bad_rows
    bad_share = bad_rows / measured.rows if measured.rows else 0.0
    reasons = list(_table_faults(measured, expected, label))
    if bad_share > limits.max_bad_share:
        commonest = next(iter(bad))
        reasons.append(
            f"{bad_rows} of {measured.rows} rows are bad, {bad_share:.1%}, more than {limits.max_bad_share:.1%}; most "
            f"often: {commonest} ({bad[commonest]} rows)"
        )
    if measured.rows and good_rows < limits.min_rows:
        reasons.append(f"{good_rows} good rows are left, fewer than {limits.min_rows}")
    outcome = Outcome.FAIL if reasons else Outcome.PASS
    if not reasons:
        reasons = [
            f"{good_rows} of {measured.rows} rows keep the schema; {bad_rows} were put aside",
            *_notes(measured, expected),
        ]
    return Decision(
        outcome,
        reasons,
        {
            "rows": measured.rows,
            "accepted_rows": good_rows,
            "quarantined_rows": bad_rows,
            "bad_share": bad_share,
            "duplicate_share": measured.duplicate_share,
            "max_bad_share": limits.max_bad_share,
            "min_rows": limits.min_rows,
        },
        {"label": label, **inputs},
    )


def _table_faults(measured: Measurement, expected: TableSchema, label: str) -> Iterator[str]:
    if not measured.rows:
        yield "the table has no rows"
        return
    limits = expected.tolerances
    absent = [column.name for column in expected.columns if column.name not in measured.columns]
    if absent:
        yield f"the table lacks {_list(absent)}, which the schema has"
    for name, column in measured.columns.items():
        if column.missing == measured.rows:
            yield f"{name} has no value in any row"
    if measured.label_values == 1:
        yield f"the label {label} has the same value in every row: there is nothing to learn"
    for wanted in expected.columns:
        found = measured.columns.get(wanted.name)
        if found is None or found.missing == measured.rows:
            continue
        if found.kind != wanted.kind:
            yield f"{wanted.name} holds {found.kind}: the schema expects {wanted.kind}"
        share = found.missing / measured.rows
        if share > wanted.missing_share + limits.missing_share:
            yield (
                f"{wanted.name} is missing in {share:.1%} of the rows: the schema expects {wanted.missing_share:.1%}, "
                f"at most {limits.missing_share:.1%} more"
            )
        unseen = found.unseen / (measured.rows - found.missing)
        if unseen > limits.unseen_share:
            yield (
                f"{wanted.name} has unknown values in {unseen:.1%} of the rows, such as "
                f"{_list(sorted(found.examples))}: at most {limits.unseen_share:.1%}"
            )
    if measured.duplicate_share > expected.duplicate_share + limits.duplicate_share:
        yield (
            f"{measured.duplicate_share:.1%} of the rows repeat an earlier row: the schema expects "
            f"{expected.duplicate_share:.1%}, at most {limits.duplicate_share:.1%} more"
        )


def _notes(measured: Measurement, expected: TableSchema) -> Iterator[str]:
    """What does not decide but should be read."""
    known = {column.name for column in expected.columns}
    if new := [name for name in measured.columns if name not in known]:
        yield f"the schema does not know {_list(new)}, so nothing was checked there"


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
