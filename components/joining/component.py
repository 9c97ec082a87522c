from typing import List, NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("train"), install_kfp_package=False)
def join(
    table: dsl.Input[dsl.Dataset],
    plan: dsl.Input[dsl.Artifact],
    predictions: dsl.Output[dsl.Dataset],
    predicted: List[int] = [],
) -> NamedTuple(  # type: ignore[valid-type]
    "Outputs", [("uri", str), ("version", str), ("rows", int), ("digest", str), ("predicted", int)]
):
    """Put predicted shards together, after proving that they hold each row once and in order.

    Every shard is read whole and compared with the rows that were planned for. Then the folder gets its manifest, and
    with it is complete.

    Args:
        table: The rows that were planned for.
        plan: The plan of the step shard.
        predicted: What score returned for each shard, as dsl.Collected gives it; only to be added up.

    Returns:
        predictions: The rows with their predictions, in the order of the input.
        uri: The folder of the shards and of their manifest, _manifest.json.
        version: The version that predicted them.
        rows: How many rows were predicted, as many as the input has.
        digest: sha256 of the predictions as a table.
        predicted: How many rows were predicted in this run; the rest was there.
    """
    from kfp_lifecycle.components.joining.joining import join as run

    return run(
        table=table,
        plan=plan,
        predictions=predictions,
        predicted=predicted,
    )
