from typing import NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("release"), install_kfp_package=False)
def sweep(
    decision: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    namespace: str = "",
    environment: str = "",
    run_id: str = "",
) -> NamedTuple("Outputs", [("outcome", str)]):  # type: ignore[valid-type]
    """End each release past its expiry, and repair each champion's alias.

    Args:
        namespace: Empty means the pod's own.
        environment: Sweep this environment only; empty takes all.
        run_id: The KFP run, which holds a release while it is ended.

    Returns:
        decision: decision.json with outcome, reasons and numbers.
        report: The decision as a page.
        outcome: restored or nothing_to_do.
    """
    from kfp_lifecycle.components.sweeping.sweeping import sweep as run

    return run(
        decision=decision,
        report=report,
        namespace=namespace,
        environment=environment,
        run_id=run_id,
    )
