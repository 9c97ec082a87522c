"""The release half of ``train_and_release``, without its exit handler: what a run does whose node is lost."""

from kfp import dsl

from kfp_lifecycle.components import conclude, deploy, judge, promote, roll_back
from kfp_lifecycle.pipelines.settings import configured


@dsl.pipeline(name="release-only")
def release_only(
    service: str,
    version: str,
    uri: str,
    digest: str,
    deployment_mode: str,
    canary_percent: int,
    weights: list[int],
    min_requests: int,
    error_margin: float,
) -> None:
    """Deploy a version that is registered already, judge it each second, and promote it or roll it back."""
    deployed = configured(
        deploy(
            service=service,
            model_name=service,
            version=version,
            uri=uri,
            digest=digest,
            namespace="default",
            canary_percent=canary_percent,
            deployment_mode=deployment_mode,
            timeout_seconds=120,
            run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        )
    )
    with dsl.If(deployed.outputs["outcome"] == "canary", "canary"):
        judged = configured(
            judge(
                service=service,
                version=version,
                namespace="default",
                weights=weights,
                check_seconds=1,
                checks_per_weight=1,
                deadline_seconds=120,
                min_requests=min_requests,
                slo_milliseconds=0.0,
                error_margin=error_margin,
                run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
            )
        )
        with dsl.If(judged.outputs["outcome"] == "promote", "no-worse"):
            configured(
                promote(
                    service=service,
                    model_name=service,
                    version=version,
                    namespace="default",
                    timeout_seconds=120,
                    run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
                )
            )
        with dsl.Else("not-shown-to-be-no-worse"):
            configured(
                roll_back(
                    service=service,
                    namespace="default",
                    run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
                    reason="the judge said so",
                    timeout_seconds=120,
                )
            )
    # Without an Else kfp.local cannot read a named output in a condition, and takes it for false.
    with dsl.Else("no-canary"):
        configured(conclude(step="deploy", outcome=deployed.outputs["outcome"], decision=deployed.outputs["decision"]))
