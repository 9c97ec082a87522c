from typing import NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("release"), install_kfp_package=False)
def notify(
    status: dsl.PipelineTaskFinalStatus,
    decision: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    service: str = "",
    namespace: str = "",
    run_id: str = "",
    run_name: str = "",
    take_off: bool = False,
    timeout_seconds: int = 900,
) -> NamedTuple("Outputs", [("outcome", str)]):  # type: ignore[valid-type]
    """Tell a webhook how a run ended, as the task of an exit handler; nothing that goes wrong here fails the run.

    Args:
        status: What KFP says of the tasks in the exit handler; KFP gives it by itself.
        service: The InferenceService that the run was to release; empty where it releases none.
        namespace: Of the service; empty means the pod's own.
        run_id: The KFP run, by which its release is found.
        run_name: The name of the run, for the message.
        take_off: First end a release that the run left without a verdict, as KFP runs one exit task only.
        timeout_seconds: How long to wait for the version that comes back.

    Returns:
        decision: decision.json with the message and how it was taken.
        report: The same as a page.
        outcome: sent, not_sent or not_delivered.
    """
    from kfp_lifecycle.components.notification.notification import notify as run

    return run(
        status=status,
        decision=decision,
        report=report,
        service=service,
        namespace=namespace,
        run_id=run_id,
        run_name=run_name,
        take_off=take_off,
        timeout_seconds=timeout_seconds,
    )
