from typing import NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("release"), install_kfp_package=False)
def conclude(
    step: str,
    outcome: str,
    decision: dsl.Input[dsl.Artifact],
    on_refusal: str = "fail",
    restored: str = "",
    run_id: str = "",
) -> NamedTuple("Outputs", [("outcome", str)]):  # type: ignore[valid-type]
    """End a run by its last decision, so that a refused gate fails the run without losing its report.

    Args:
        step: The step that decided.
        outcome: Its outcome.
        decision: Its decision.json; the reasons are the first lines of this step's log.
        on_refusal: fail, or succeed to end a refused run well; not_restored fails it anyway.
        restored: The outcome of a roll back that followed.
        run_id: The KFP run, for the note that notify reads.

    Returns:
        outcome: The outcome of the run.
    """
    from kfp_lifecycle.components.conclusion.conclusion import conclude as run

    return run(
        step=step,
        outcome=outcome,
        decision=decision,
        on_refusal=on_refusal,
        restored=restored,
        run_id=run_id,
    )
