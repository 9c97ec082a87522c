from typing import NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("train"), install_kfp_package=False)
def split(
    table: dsl.Input[dsl.Dataset],
    training: dsl.Output[dsl.Dataset],
    holdout: dsl.Output[dsl.Dataset],
    method: str = "random",
    holdout_fraction: float = 0.2,
    column: str = "",
    seed: int = 0,
) -> NamedTuple("Outputs", [("training_rows", int), ("holdout_rows", int)]):  # type: ignore[valid-type]
    """Part a table into training and holdout rows, and prove that they share none.

    Args:
        table: The table to part.
        method: random, stratified, grouped or time.
        holdout_fraction: The share of rows held out, between 0 and 1.
        column: What to stratify by, group by or order by; random needs none.
        seed: The same table and seed give the same parts.

    Returns:
        training: The rows to learn from.
        holdout: The rows to judge by; with time, the latest ones.
        training_rows: How many.
        holdout_rows: How many.
    """
    from kfp_lifecycle.components.splitting.splitting import split as run

    return run(
        table=table,
        training=training,
        holdout=holdout,
        method=method,
        holdout_fraction=holdout_fraction,
        column=column,
        seed=seed,
    )
