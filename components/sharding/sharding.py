"""The step ``shard``: everything about a batch prediction is settled before its first row is predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kfp_lifecycle.adapters import object_store
from kfp_lifecycle.adapters.exported_models import verified_signature
from kfp_lifecycle.adapters.mlflow_champion import find_asked
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.inputs import model_inputs
from kfp_lifecycle.core.model_name import check_model_name
from kfp_lifecycle.core.models_root import models_root
from kfp_lifecycle.core.release import check_environment
from kfp_lifecycle.core.row_ranges import read_rows
from kfp_lifecycle.core.scored_rows import scored_schema
from kfp_lifecycle.core.scoring_plan import ScoringPlan, save_plan
from kfp_lifecycle.core.shards import cut
from kfp_lifecycle.core.table import read_info, read_schema

if TYPE_CHECKING:
    from pathlib import Path

    from kfp_lifecycle.core.signature import Signature

# Enough to tell a column of text from one of numbers.
_LOOKED_AT = 1000


@step_entry
def shard(
    table: Artifact,
    model_name: str,
    output_uri: str,
    plan: Artifact,
    environment: str = "prod",
    version: str = "",
    rows_per_shard: int = 250_000,
    time_column: str = "",
) -> list[str]:
    """Plan a batch prediction; see the face for the parameters.

    Returns:
        The shards, as ``core.shards.parse_shard`` reads them.

    Raises:
        InputError: a parameter cannot be, there is no such version, its export is not what was sealed, or the rows do
            not fit it. Nothing was predicted.
    """
    check_model_name(model_name)
    check_environment(environment)
    place = object_store.locate(output_uri, "output_uri")
    if place.scheme == "https" or place.has_wildcard:
        raise InputError("output_uri", output_uri, "a folder on disk, s3 or gs", "Name one to write to.")
    info = read_info(table.path)
    shards = cut(info.rows, rows_per_shard)
    found = find_asked(model_name, environment, version)
    signature = verified_signature(models_root(), found.uri, found.digest)
    _check_rows(table.path, signature, time_column)
    made = ScoringPlan(
        model_name=model_name,
        version=found.version,
        model_uri=found.uri,
        model_digest=found.digest,
        table_digest=info.digest,
        rows=info.rows,
        rows_per_shard=rows_per_shard,
        time_column=time_column,
        output_uri=place.uri,
    )
    save_plan(made, plan.path)
    print(
        f"version {made.version} of {model_name} predicts {info.rows:,} rows in {len(shards)} shard(s),"
        f" to {object_store.public(object_store.join(made.output_uri, made.folder))}",
        flush=True,
    )
    return [str(each) for each in shards]


def _check_rows(directory: str | Path, signature: Signature, time_column: str) -> None:
    """Refuse what every shard would refuse, before there are hundreds of them."""
    import pyarrow as pa

    schema = read_schema(directory)
    scored_schema(schema, signature, time_column)
    first = pa.Table.from_batches(read_rows(directory, 0, _LOOKED_AT), schema)
    model_inputs(first.to_pandas(date_as_object=False), signature)
