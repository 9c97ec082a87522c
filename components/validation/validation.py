"""The step ``validate``: a table against its schema, bad rows aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.components.validation.gate import Limits, Outcome, decide
from kfp_lifecycle.components.validation.measurement import Measurement, measure
from kfp_lifecycle.components.validation.pages import render
from kfp_lifecycle.components.validation.row_checks import RowChecks
from kfp_lifecycle.components.validation.schema import TableSchema, infer, known_categories, unique_columns
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.checksums import sha256_bytes
from kfp_lifecycle.core.columns import unknown_column
from kfp_lifecycle.core.decision import Decision, save_decision
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.table import read_batches, read_info, read_schema, write_table

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

REASON = "quarantine_reason"


@dataclass(frozen=True)
class Verdict:
    """A decision with what it was made from."""

    decision: Decision
    measured: Measurement
    expected: TableSchema
    bad: dict[str, int]


@step_entry
def validate(
    table: Artifact,
    label: str,
    accepted: Artifact,
    quarantine: Artifact,
    schema: Artifact,
    decision: Artifact,
    report: Artifact,
    schema_uri: str = "",
    max_bad_share: float = 0.05,
    min_rows: int = 1,
) -> tuple[str]:
    """Hold a table against its schema; every row goes to ``accepted`` or, with its reason, to ``quarantine``.

    The table passes over memory in batches; about 30 bytes a row stay, whatever its width.

    Args:
        table: the rows.
        label: the column to be predicted.
        accepted: where good rows go.
        quarantine: where bad rows go, with a column ``quarantine_reason``.
        schema: where the schema that was enforced goes, as JSON.
        decision: where the decision goes.
        report: where the decision goes as a page.
        schema_uri: a schema saved before. When nothing is there, one is inferred from this table and, if the table
            passes, saved there; of several runs at the same time one saves it and the others keep to it. Empty infers
            one and saves nothing.
        max_bad_share: the largest share of rows put aside that still passes, 0 to 1.
        min_rows: the smallest number of good rows that passes.

    Returns:
        ``pass`` or ``fail``.

    Raises:
        InputError: a parameter is wrong, the table lacks the label, or the schema cannot be read.
    """
    columns = read_schema(table.path)
    limits = _limits(columns, label, max_bad_share, min_rows)
    saved = _saved(schema_uri) if schema_uri and object_store.exists(schema_uri, "schema_uri") else None
    verdict = _judge(table, accepted, quarantine, label, limits, saved, schema_uri)
    # A schema is saved only from a table that passes: a bad first table must not become the rule.
    new = schema_uri and saved is None and verdict.decision.outcome == Outcome.PASS
    if new and not object_store.create(schema_uri, verdict.expected.to_json(), "schema_uri"):
        verdict = _judge(table, accepted, quarantine, label, limits, _saved(schema_uri), schema_uri)
    content = verdict.expected.to_json()
    _write(schema, content)
    schema.metadata["digest"] = sha256_bytes(content)
    save_decision(verdict.decision, decision.path)
    _write(report, render(verdict.decision, verdict.measured, verdict.expected, verdict.bad).encode())
    return (str(verdict.decision.outcome),)


def _limits(columns: pa.Schema, label: str, max_bad_share: float, min_rows: int) -> Limits:
    if label not in columns.names:
        raise unknown_column("label", label, columns.names, "the table")
    if REASON in columns.names:
        raise InputError("table", REASON, "a table without this column, which the step adds", "Rename or drop it.")
    if not 0 <= max_bad_share <= 1:
        raise InputError("max_bad_share", max_bad_share, "a share between 0 and 1", "Write 0.05 for five percent.")
    if min_rows < 0:
        raise InputError("min_rows", min_rows, "0 or more", "Write the smallest number of rows worth learning from.")
    return Limits(max_bad_share, min_rows)


def _saved(uri: str) -> TableSchema:
    return TableSchema.from_json(object_store.read_bytes(uri, "schema_uri"), object_store.public(uri))


def _judge(
    table: Artifact,
    accepted: Artifact,
    quarantine: Artifact,
    label: str,
    limits: Limits,
    saved: TableSchema | None,
    schema_uri: str,
) -> Verdict:
    """Measure the table, part its rows and decide."""
    columns, info = read_schema(table.path), read_info(table.path)
    known = known_categories(saved) if saved else None
    unique = unique_columns(saved, columns) if saved else None
    measured = measure(read_batches(table.path), columns, label, known, unique)
    expected = saved or infer(measured)
    checks = RowChecks(expected, measured, columns, label)
    good = write_table(
        _rows(table.path, lambda batch, start: checks.check(batch, start) == 0),
        columns,
        accepted.path,
        window=info.window,
        source=info.source,
    )
    aside = write_table(
        _with_reasons(table.path, checks),
        _with_reason(columns),
        quarantine.path,
        window=info.window,
        source=info.source,
    )
    if good.rows + aside.rows != info.rows:
        raise AssertionError(f"{info.rows} rows came in, {good.rows} + {aside.rows} went out")
    accepted.metadata.update(good.to_metadata())
    quarantine.metadata.update(aside.to_metadata())
    bad = checks.counts()
    inputs = {
        "table_digest": info.digest,
        "schema_digest": sha256_bytes(expected.to_json()),
        "schema_uri": object_store.public(schema_uri),
        "schema_was": "enforced" if saved else "inferred",
    }
    return Verdict(decide(measured, expected, bad, label, limits, inputs), measured, expected, bad)


def _rows(directory: str, choose: Callable[[pa.RecordBatch, int], npt.NDArray[np.bool_]]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    start = 0
    for batch in read_batches(directory):
        yield batch.filter(pa.array(choose(batch, start)))
        start += batch.num_rows


def _with_reasons(directory: str, checks: RowChecks) -> Iterator[pa.RecordBatch]:
    """The bad rows; their reasons were found while the good ones were written."""
    import pyarrow as pa

    reasons = np.array(checks.reasons, dtype=object)
    start = 0
    for batch in read_batches(directory):
        codes = checks.codes[start : start + batch.num_rows]
        start += batch.num_rows
        aside = batch.filter(pa.array(codes != 0))
        yield pa.RecordBatch.from_arrays(
            [*aside.columns, pa.array(reasons[codes[codes != 0]], pa.string())], schema=_with_reason(batch.schema)
        )


def _with_reason(columns: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    return columns.append(pa.field(REASON, pa.string()))


def _write(artifact: Artifact, content: bytes) -> None:
    path = Path(artifact.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
