"""The step ``join``: predicted shards become one table and a complete folder, if they are what was planned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.components.joining.proof import Part, proven_rows
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.checksums import canonical_json
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.scoring_plan import FORMAT, MANIFEST, ScoringPlan, load_plan
from kfp_lifecycle.core.table import TableInfo, read_info, write_table

if TYPE_CHECKING:
    import pyarrow as pa


@step_entry
def join(
    table: Artifact, plan: Artifact, predictions: Artifact, predicted: Sequence[int] = ()
) -> tuple[str, str, int, str, int]:
    """Prove that the plan's shards hold each row of the table once and in order, and write them as one table.

    Returns:
        The folder of the shards, the version, the number of rows, the table's digest, and how many rows this run
        predicted.

    Raises:
        InputError: the table is not the plan's; a shard's file is missing or holds other rows; or the folder's manifest
            tells of other files.
    """
    planned = load_plan(plan.path)
    given = read_info(table.path)
    if (given.digest, given.rows) != (planned.table_digest, planned.rows):
        raise InputError("table", given.digest, f"the planned table, {planned.table_digest}", "Pass on shard's input.")
    place = object_store.join(planned.output_uri, planned.folder)
    parts: list[Part] = []
    rows = proven_rows(table.path, planned, place, parts)
    # The first batch says what the columns are; even a shard without rows has one.
    first = next(rows)
    info = write_table(
        _all(first, rows), first.schema, predictions.path, window=given.window, source=object_store.public(place)
    )
    _write_manifest(place, planned, parts, info)
    predictions.metadata.update(info.to_metadata())
    now = int(sum(predicted))
    print(f"{info.rows:,} rows in {len(parts)} shard(s), {now:,} of them predicted in this run", flush=True)
    return place, planned.version, info.rows, info.digest, now


def _all(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _write_manifest(place: str, plan: ScoringPlan, parts: Sequence[Part], info: TableInfo) -> None:
    """Say what the folder holds; the same plan always says the same, so a second run finds its own words."""
    content = canonical_json(
        {
            "format": FORMAT,
            **plan.depends_on,
            "digest": info.digest,
            "schema_digest": info.schema_digest,
            "parts": [asdict(part) for part in parts],
        }
    )
    uri = object_store.join(place, MANIFEST)
    if not object_store.create(uri, content, "output_uri") and object_store.read_bytes(uri, "output_uri") != content:
        raise InputError(
            "output_uri",
            object_store.public(uri),
            "the manifest of these shards",
            "A shard was changed or predicted again since it was written: remove the folder and run again.",
        )
