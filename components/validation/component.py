from typing import NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("train"), install_kfp_package=False)
def validate(
    table: dsl.Input[dsl.Dataset],
    label: str,
    accepted: dsl.Output[dsl.Dataset],
    quarantine: dsl.Output[dsl.Dataset],
    schema: dsl.Output[dsl.Artifact],
    decision: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    schema_uri: str = "",
    max_bad_share: float = 0.05,
    min_rows: int = 1,
) -> NamedTuple("Outputs", [("outcome", str)]):  # type: ignore[valid-type]
    """Hold a table against its schema, and put rows that break it aside with the reason.

    Args:
        table: The table to check.
        label: The column to be predicted.
        schema_uri: A schema saved by an earlier run; empty infers one from this table.
        max_bad_share: The largest share of bad rows that still passes, 0 to 1.
        min_rows: The smallest number of good rows that passes.

    Returns:
        accepted: The good rows.
        quarantine: The bad rows, each with its reason.
        schema: The schema that was enforced; give its address as schema_uri next time.
        decision: decision.json with outcome, reasons and numbers.
        report: The decision as a page.
        outcome: pass or fail.
    """
    from kfp_lifecycle.components.validation.validation import validate as run

    return run(
        table=table,
        label=label,
        accepted=accepted,
        quarantine=quarantine,
        schema=schema,
        decision=decision,
        report=report,
        schema_uri=schema_uri,
        max_bad_share=max_bad_share,
        min_rows=min_rows,
    )
