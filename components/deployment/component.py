from typing import NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("release"), install_kfp_package=False)
def deploy(
    service: str,
    model_name: str,
    version: str,
    uri: str,
    digest: str,
    decision: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    namespace: str = "",
    canary_percent: int = 10,
    deployment_mode: str = "",
    environment: str = "prod",
    spec_overrides: str = "{}",
    timeout_seconds: int = 900,
    run_id: str = "",
    approval: str = "none",
    approval_timeout_seconds: int = 86400,
) -> NamedTuple("Outputs", [("outcome", str)]):  # type: ignore[valid-type]
    """Release a version as a KServe InferenceService: the first one in full, a later one as a canary.

    Args:
        service: The name of the InferenceService, a DNS label.
        model_name: The registered name.
        version: The MLflow version.
        uri: The immutable export that register gave.
        digest: The digest that register gave; the server refuses other bytes.
        namespace: Empty means the pod's own.
        canary_percent: The share of traffic that the canary gets, 1 to 99.
        deployment_mode: Standard, Knative, or empty to find out what the cluster runs.
        environment: The environment of the release.
        spec_overrides: JSON merged into the predictor, such as resources or a service account.
        timeout_seconds: How long to wait for the new version to become ready.
        run_id: The KFP run; the release record is found by it.
        approval: The source of a later approve, only checked.
        approval_timeout_seconds: Its time, only checked.

    Returns:
        decision: decision.json with outcome, reasons and numbers.
        report: The decision as a page.
        outcome: first_release, canary, refused or unchanged.
    """
    from kfp_lifecycle.components.deployment.deployment import deploy as run

    return run(
        service=service,
        model_name=model_name,
        version=version,
        uri=uri,
        digest=digest,
        decision=decision,
        report=report,
        namespace=namespace,
        canary_percent=canary_percent,
        deployment_mode=deployment_mode,
        environment=environment,
        spec_overrides=spec_overrides,
        timeout_seconds=timeout_seconds,
        run_id=run_id,
        approval=approval,
        approval_timeout_seconds=approval_timeout_seconds,
    )
