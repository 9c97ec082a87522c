from typing import NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("release"), install_kfp_package=False)
def roll_back(
    service: str,
    decision: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    namespace: str = "",
    version: str = "",
    run_id: str = "",
    reason: str = "",
    undo_promotion: bool = False,
    timeout_seconds: int = 900,
) -> NamedTuple("Outputs", [("outcome", str)]):  # type: ignore[valid-type]
    """Give users back what they got before a release: take its canary off, or undo its promotion.

    Args:
        service: The name of the InferenceService.
        namespace: Empty means the pod's own.
        version: Roll back this version only; empty takes any.
        run_id: Roll back an open release of this KFP run only, for exit handlers; empty takes whoever's.
        reason: Kept in the release record.
        undo_promotion: Where no release is open, put back the version before the champion.
        timeout_seconds: How long to wait for the version that comes back.

    Returns:
        decision: decision.json with outcome, reasons and numbers.
        report: The decision as a page.
        outcome: rolled_back, nothing_to_do or not_restored.
    """
    from kfp_lifecycle.components.rollback.rollback import roll_back as run

    return run(
        service=service,
        decision=decision,
        report=report,
        namespace=namespace,
        version=version,
        run_id=run_id,
        reason=reason,
        undo_promotion=undo_promotion,
        timeout_seconds=timeout_seconds,
    )
