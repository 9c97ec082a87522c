"""The steps that predict a table by shard, as several pipelines need them."""

from kfp import dsl
from kfp.dsl.pipeline_channel import PipelineChannel

from kfp_lifecycle.components import join, score, shard
from kfp_lifecycle.pipelines.settings import configured

# How many shards a cluster predicts at a time.
AT_ONCE = 8


def scored(
    table: PipelineChannel,
    model_name: str,
    output_uri: str,
    environment: str,
    version: str,
    rows_per_shard: int,
    time_column: str,
) -> dsl.PipelineTask:
    """Plan, predict each shard, and put them together; the task of the last step.

    The loop's items come from a step's only output: from one of several, ``kfp.local`` does not find them.
    """
    planned = configured(
        shard(
            table=table,
            model_name=model_name,
            output_uri=output_uri,
            environment=environment,
            version=version,
            rows_per_shard=rows_per_shard,
            time_column=time_column,
        )
    )
    with dsl.ParallelFor(planned.outputs["Output"], name="shards", parallelism=AT_ONCE) as one:
        predicted = configured(score(table=table, plan=planned.outputs["plan"], shard=one))
    return configured(
        join(
            table=table,
            plan=planned.outputs["plan"],
            predicted=dsl.Collected(predicted.outputs["predicted"]),
        )
    )
