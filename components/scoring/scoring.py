"""The step ``score``: one shard of a table, predicted by the version of the plan."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.adapters.mlflow_champion import Champion, fetch_champion
from kfp_lifecycle.core.answers import answers_of
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.columns import stored_schema
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.inputs import model_inputs
from kfp_lifecycle.core.model import load_model, load_signature
from kfp_lifecycle.core.parts import PartWriter, row_groups
from kfp_lifecycle.core.row_ranges import read_rows
from kfp_lifecycle.core.scored_rows import scored_batch, scored_schema
from kfp_lifecycle.core.scoring_plan import ScoringPlan, load_plan, part_name
from kfp_lifecycle.core.shards import Shard, parse_shard
from kfp_lifecycle.core.table import read_info, read_schema
from kfp_lifecycle.core.threads import threads_for

if TYPE_CHECKING:
    import pyarrow as pa


@step_entry
def score(table: Artifact, plan: Artifact, shard: str) -> tuple[int, int]:
    """Predict the rows of one shard into one file; memory does not grow with their number.

    Returns:
        Rows of the shard, and how many of them were predicted by this call.

    Raises:
        InputError: the table is not the plan's, the shard is none of it, a column does not fit the model, or the place
            cannot be written.
        ChecksumError, ModelFileError, UntrustedTypeError, ForgedTreeError: the model is not what was sealed.
        ValueError: the model gave an answer that is not finite, or not one per row.
    """
    planned = load_plan(plan.path)
    chosen = parse_shard(shard, planned.shards)
    found = read_info(table.path)
    if found.digest != planned.table_digest:
        raise InputError("table", found.digest, f"the planned table, {planned.table_digest}", "Pass on shard's input.")
    part = object_store.join(planned.output_uri, planned.folder, part_name(chosen))
    if object_store.exists(part, "output_uri"):
        print(f"rows {chosen} were predicted before: {object_store.public(part)}", flush=True)
        return chosen.rows, 0
    with tempfile.TemporaryDirectory(prefix="score-") as folder:
        file = _predicted(table.path, planned, chosen, Path(folder))
        made = object_store.create_from(part, file, "output_uri")
    # Another run of the same plan may have been faster; its rows are the same.
    print(f"rows {chosen} are predicted{'' if made else ', as by another run meanwhile'}", flush=True)
    return chosen.rows, chosen.rows


def _predicted(directory: str, plan: ScoringPlan, shard: Shard, folder: Path) -> Path:
    """The shard's file, on this machine's disk."""
    model = folder / "model"
    fetch_champion(Champion(plan.version, plan.model_uri, plan.model_digest), model)
    estimator = load_model(model, plan.model_digest)
    signature = load_signature(model)
    schema = stored_schema(scored_schema(read_schema(directory), signature, plan.time_column))

    def batches() -> Iterator[pa.RecordBatch]:
        first = shard.start
        for batch in read_rows(directory, shard.start, shard.end):
            inputs = model_inputs(batch.select(signature.names).to_pandas(date_as_object=False), signature)
            with threads_for(batch.num_rows):
                answers = answers_of(estimator, inputs, np.empty(0), signature)
            yield scored_batch(batch, first, answers, signature, schema, plan.version, plan.time_column)
            first += batch.num_rows

    parts = folder / "parts"
    parts.mkdir()
    with PartWriter(parts, schema, single=True, sealed=True) as writer:
        for group in row_groups(batches(), schema):
            writer.write(group)
    return parts / next(iter(writer.sizes))
