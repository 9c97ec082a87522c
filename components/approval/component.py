from typing import NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("release"), install_kfp_package=False)
def approve(
    service: str,
    version: str,
    decision: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    namespace: str = "",
    source: str = "any",
    timeout_seconds: int = 86400,
    check_seconds: int = 60,
    run_id: str = "",
) -> NamedTuple("Outputs", [("outcome", str)]):  # type: ignore[valid-type]
    """Hold a canary as it is until a human approves or rejects it; silence means no.

    Args:
        service: The name of the InferenceService.
        version: The MLflow version of the canary.
        namespace: Empty means the pod's own.
        source: Whose word counts: annotation (of the release record), tag (of the MLflow version) or any; none asks
            nobody.
        timeout_seconds: How long to wait, at most 7 days.
        check_seconds: The time between two looks.
        run_id: The KFP run, which holds the release while it waits.

    Returns:
        decision: decision.json with outcome, who decided, when and where.
        report: The decision as a page.
        outcome: approved (also where nobody was to be asked), rejected, timed_out or superseded.
    """
    from kfp_lifecycle.components.approval.approval import approve as run

    return run(
        service=service,
        version=version,
        decision=decision,
        report=report,
        namespace=namespace,
        source=source,
        timeout_seconds=timeout_seconds,
        check_seconds=check_seconds,
        run_id=run_id,
    )
