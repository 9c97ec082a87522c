"""Batch prediction: the champion's answer to every row of a table, by shard."""

from kfp import dsl

from kfp_lifecycle.components import collect
from kfp_lifecycle.pipelines.scored_shards import scored
from kfp_lifecycle.pipelines.settings import configured


@dsl.pipeline(name="batch-score")
def batch_score(
    data_uri: str,
    model_name: str,
    output_uri: str,
    columns: list[str] = [],
    time_column: str = "",
    window: str = "",
    as_of: str = "",
    max_rows: int = 0,
    environment: str = "prod",
    version: str = "",
    rows_per_shard: int = 250000,
) -> None:
    """Predict every row of a table once, in shards, by the version that is champion when the run starts.

    A run that was killed is started again with the same parameters: shards that are there are not predicted again.

    Args:
        data_uri: A file, a folder or a glob on disk, s3, gs or https; Parquet, CSV or JSON lines.
        model_name: The registered name of the model.
        output_uri: A folder on disk, s3 or gs; each set of predictions gets a folder of its own in it.
        columns: The columns to read; empty reads all.
        time_column: The column of event time (UTC), which the predictions repeat as _event_time.
        window: Half-open: 'start/end' in ISO 8601, or 'P1D' for the day before as_of; empty takes all rows.
        as_of: The moment the run stands for; a schedule sets [[ScheduledTime]], empty means now.
        max_rows: Read at most so many rows; 0 has no limit.
        environment: The environment whose champion predicts.
        version: The version that predicts instead; empty takes the champion.
        rows_per_shard: Where the rows are cut; at most 500 shards.
    """
    collected = configured(
        collect(
            uri=data_uri,
            columns=columns,
            time_column=time_column,
            window=window,
            as_of=as_of,
            max_rows=max_rows,
        )
    )
    scored(
        table=collected.outputs["table"],
        model_name=model_name,
        output_uri=output_uri,
        environment=environment,
        version=version,
        rows_per_shard=rows_per_shard,
        time_column=time_column,
    )
