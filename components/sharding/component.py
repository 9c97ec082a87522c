from typing import List

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("train"), install_kfp_package=False)
def shard(
    table: dsl.Input[dsl.Dataset],
    model_name: str,
    output_uri: str,
    plan: dsl.Output[dsl.Artifact],
    environment: str = "prod",
    version: str = "",
    rows_per_shard: int = 250000,
    time_column: str = "",
) -> List[str]:
    """Plan a batch prediction: which version predicts, where the rows are cut, and where they go.

    The version is looked up here and nowhere else, so all shards of a run are predicted by one. With the same rows,
    version and cut the plan names the same files, and what is there already is not predicted again.

    Args:
        table: The rows to predict.
        model_name: The registered name of the model.
        output_uri: A folder on disk, s3 or gs; the predictions get a folder of their own in it.
        environment: The environment whose champion predicts.
        version: The version that predicts instead; empty takes the champion.
        rows_per_shard: Where the rows are cut; at most 500 shards.
        time_column: The column of event time (UTC), which the predictions repeat as _event_time; empty for none.

    Returns:
        plan: What determines the predictions, as JSON.
        Output: The shards to loop over with dsl.ParallelFor, at least one.
    """
    from kfp_lifecycle.components.sharding.sharding import shard as run

    return run(
        table=table,
        model_name=model_name,
        output_uri=output_uri,
        plan=plan,
        environment=environment,
        version=version,
        rows_per_shard=rows_per_shard,
        time_column=time_column,
    )
