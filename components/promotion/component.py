from typing import NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("release"), install_kfp_package=False)
def promote(
    service: str,
    model_name: str,
    version: str,
    decision: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    namespace: str = "",
    environment: str = "prod",
    timeout_seconds: int = 900,
    run_id: str = "",
) -> NamedTuple("Outputs", [("outcome", str)]):  # type: ignore[valid-type]
    """Make a canary the champion, if the champion is still the one that it was judged against.

    Args:
        service: The name of the InferenceService.
        model_name: The registered name.
        version: The MLflow version of the canary.
        namespace: Empty means the pod's own.
        environment: The environment of the release.
        timeout_seconds: How long to wait for the service to follow.
        run_id: The KFP run, which holds the release from here on.

    Returns:
        decision: decision.json with outcome, reasons and numbers.
        report: The decision as a page.
        outcome: promoted or stale.
    """
    from kfp_lifecycle.components.promotion.promotion import promote as run

    return run(
        service=service,
        model_name=model_name,
        version=version,
        decision=decision,
        report=report,
        namespace=namespace,
        environment=environment,
        timeout_seconds=timeout_seconds,
        run_id=run_id,
    )
