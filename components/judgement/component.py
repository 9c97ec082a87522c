from typing import NamedTuple, Optional

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("release"), install_kfp_package=False)
def judge(
    service: str,
    version: str,
    decision: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    rows: Optional[dsl.Input[dsl.Dataset]] = None,  # noqa: UP045  # KFP reads no other form
    namespace: str = "",
    weights: list[int] = [10, 25, 50],
    check_seconds: int = 60,
    deadline_seconds: int = 7200,
    min_requests: int = 500,
    checks_per_weight: int = 3,
    slo_milliseconds: float = 500.0,
    error_margin: float = 0.01,
    slow_margin: float = 0.01,
    refused_margin: float = 0.01,
    alpha: float = 0.05,
    metrics: str = "",
    queries: str = "",
    evidence: str = "traffic",
    replay_limit: int = 4000,
    replay_per_second: float = 20.0,
    disagreement_limit: float = 0.05,
    disagreement_tolerance: float = 0.1,
    run_id: str = "",
) -> NamedTuple("Outputs", [("outcome", str)]):  # type: ignore[valid-type]
    """Walk a canary's weights and decide whether it is promoted or rolled back; silence never promotes.

    Args:
        service: The name of the InferenceService.
        version: The MLflow version of the canary.
        rows: A table to replay: held-out rows, or logged ones.
        namespace: Empty means the pod's own.
        weights: The canary's shares of the traffic in percent, one after the other.
        check_seconds: The time between two looks at the counters.
        deadline_seconds: Without a verdict by then the canary is rolled back as undecided.
        min_requests: The canary requests without which nothing is promoted.
        checks_per_weight: The checks with traffic on both arms before the next weight.
        slo_milliseconds: A slower answer counts against the arm; an edge of the latency histogram, 0 for none.
        error_margin: How much more failing requests than the champion's still count as equal (a share, 0.01 is 1 %).
        slow_margin: The same for slow ones.
        refused_margin: The same for requests that are answered with status 4xx.
        alpha: The probability of a wrong promotion, and of a wrong rollback.
        metrics: Where counters come from; empty takes the setting KFP_LIFECYCLE_METRICS.
        queries: JSON, the queries of the preset custom.
        evidence: traffic, replay or both.
        replay_limit: At most so many rows are replayed.
        replay_per_second: At most so many rows a second.
        disagreement_limit: The share of replayed rows on which the arms may disagree.
        disagreement_tolerance: Regression: how far apart two answers still agree, in standard deviations of the label.
        run_id: The KFP run; the release record names it as the holder.

    Returns:
        decision: decision.json with outcome, reasons and every number.
        report: The decision as a page, with the evidence of every check.
        outcome: promote, roll_back or superseded.
    """
    from kfp_lifecycle.components.judgement.judgement import judge as run

    return run(
        service=service,
        version=version,
        decision=decision,
        report=report,
        rows=rows,
        namespace=namespace,
        weights=weights,
        check_seconds=check_seconds,
        deadline_seconds=deadline_seconds,
        min_requests=min_requests,
        checks_per_weight=checks_per_weight,
        slo_milliseconds=slo_milliseconds,
        error_margin=error_margin,
        slow_margin=slow_margin,
        refused_margin=refused_margin,
        alpha=alpha,
        metrics=metrics,
        queries=queries,
        evidence=evidence,
        replay_limit=replay_limit,
        replay_per_second=replay_per_second,
        disagreement_limit=disagreement_limit,
        disagreement_tolerance=disagreement_tolerance,
        run_id=run_id,
    )
