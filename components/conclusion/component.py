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
    """End a run by its last decision: a refused gate fails it and keeps its report.

    Args:
        step: The step that decided.
        outcome: Its outcome.
        decision: Its decision.json, logged first.
        on_refusal: fail or succeed, for a refused run; not_restored fails it anyway.
        restored: How a roll back ended.
        run_id: The KFP run, for notify's note.

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
