from typing import NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("train"), install_kfp_package=False)
def score(
    table: dsl.Input[dsl.Dataset],
    plan: dsl.Input[dsl.Artifact],
    shard: str,
) -> NamedTuple("Outputs", [("rows", int), ("predicted", int)]):  # type: ignore[valid-type]
    """Predict one shard of a table, unless that was done before.

    The shard's file appears in the plan's folder whole or not at all; a step that was killed is simply run again.

    Args:
        table: The rows that were planned for.
        plan: The plan of the step shard.
        shard: One of the shards that it returned, such as 0-250000.

    Returns:
        rows: The rows of the shard.
        predicted: How many of them were predicted now; 0 where the shard's file was there.
    """
    from kfp_lifecycle.components.scoring.scoring import score as run

    return run(
        table=table,
        plan=plan,
        shard=shard,
    )
