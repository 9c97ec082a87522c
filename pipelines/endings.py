"""How a run ends in the branch that a step's outcome chose."""

from kfp import dsl

from kfp_lifecycle.components import conclude
from kfp_lifecycle.pipelines.settings import configured


def concluded(
    step: str, decided: dsl.PipelineTask, on_refusal: str, decision: str = "decision", **more: str
) -> dsl.PipelineTask:
    """End the run by what a step decided, and keep that for the message on the run.

    Args:
        step: the step's name, for the message.
        decided: its task.
        on_refusal: fail or succeed.
        decision: the name of the output that holds its decision.
        more: further parameters of conclude.
    """
    task = conclude(
        step=step,
        outcome=decided.outputs["outcome"],
        decision=decided.outputs[decision],
        on_refusal=on_refusal,
        run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        **more,
    )
    return configured(task).set_display_name(f"conclude after {step}")
