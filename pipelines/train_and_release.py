"""From data to a champion: collect, validate, split, train, evaluate, register, deploy, judge, promote or roll back.

Where it is asked to, it waits for a human between judge and promote. However it ends, a webhook is told.
"""

from kfp import dsl

from kfp_lifecycle.components import (
    approve,
    collect,
    deploy,
    evaluate,
    judge,
    notify,
    promote,
    register,
    roll_back,
    split,
    train,
    validate,
)
from kfp_lifecycle.pipelines.endings import concluded
from kfp_lifecycle.pipelines.settings import configured


def _roll_back(
    step: str, decided: dsl.PipelineTask, on_refusal: str, reason: str, service: str, namespace: str, seconds: int
) -> None:
    """Take the canary off, and end the run by the decision that wanted it, or by a roll back that did not work."""
    rolled_back = configured(
        roll_back(
            service=service,
            namespace=namespace,
            run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
            reason=reason,
            timeout_seconds=seconds,
        )
    )
    concluded(step, decided, on_refusal, restored=rolled_back.outputs["outcome"])


@dsl.pipeline(name="train-and-release")
def train_and_release(
    data_uri: str,
    label: str,
    model_name: str,
    service: str,
    columns: list[str] = [],
    time_column: str = "",
    window: str = "",
    as_of: str = "",
    max_rows: int = 0,
    schema_uri: str = "",
    max_bad_share: float = 0.05,
    split_method: str = "random",
    split_column: str = "",
    holdout_fraction: float = 0.2,
    estimator: str = "sklearn.ensemble.HistGradientBoostingClassifier",
    parameters: str = "{}",
    task: str = "auto",
    features: list[str] = [],
    exclude: list[str] = [],
    calibration_window: str = "P7D",
    experiment: str = "",
    metric: str = "",
    margin: float = 0.01,
    min_rows: int = 200,
    environment: str = "prod",
    namespace: str = "",
    canary_percent: int = 10,
    deployment_mode: str = "",
    spec_overrides: str = "{}",
    timeout_seconds: int = 900,
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
    approval: str = "none",
    approval_timeout_seconds: int = 86400,
    on_refusal: str = "fail",
    seed: int = 0,
) -> None:
    """Train a model, gate it, register it and release it as a KServe InferenceService.

    The first version takes all traffic. A later one enters as a canary and is judged: it is promoted when it is shown
    to be no worse than the champion, else it is rolled back. A gate that refuses ends the run with its decision and
    report; on_refusal says whether such a run counts as failed. A roll back that could not restore the service fails
    it anyway. However the run ends, a canary that it left without a verdict is taken off by the exit handler, or by
    sweep_releases where that could not run.

    Args:
        data_uri: A file, a folder or a glob on disk, s3, gs or https; Parquet, CSV or JSON lines.
        label: The column to be predicted.
        model_name: The name to register the model under.
        service: The name of the InferenceService, a DNS label.
        columns: The columns to read; empty reads all.
        time_column: The column of event time (UTC).
        window: Half-open: 'start/end' in ISO 8601, or 'P70D' for the 70 days before as_of; empty takes all rows.
        as_of: The moment the run stands for; a schedule sets [[ScheduledTime]], empty means now.
        max_rows: Read at most so many rows; 0 has no limit.
        schema_uri: A schema that an earlier validate saved; empty infers one.
        max_bad_share: The largest share of bad rows that still passes, 0 to 1.
        split_method: random, stratified, grouped or time.
        split_column: What to stratify by, group by or order by.
        holdout_fraction: The share of rows held out, between 0 and 1.
        estimator: The import path of a scikit-learn class, or 'module:function' of code in the image.
        parameters: The estimator's parameters as one JSON object.
        task: classification, regression or auto.
        features: The columns to learn from; empty takes all but the label and those excluded.
        exclude: Columns to leave out.
        calibration_window: The length of one out-of-sample window, an ISO 8601 duration.
        experiment: The MLflow experiment; empty takes the model's name.
        metric: The metric that gates; empty takes the task's own.
        margin: How much worse than the champion still counts as equal, in units of the metric.
        min_rows: With fewer usable holdout rows there is no verdict.
        environment: The environment of the release.
        namespace: The namespace of the service; empty means the run's own.
        canary_percent: The share of traffic that a canary gets, 1 to 99.
        deployment_mode: Standard, Knative, or empty to find out.
        spec_overrides: JSON merged into the predictor, such as resources or a service account.
        timeout_seconds: How long to wait for the new version to become ready.
        weights: The canary's shares while it is judged; those above canary_percent, one after the other.
        check_seconds: The time between two checks of the judge.
        deadline_seconds: Without a verdict by then the canary is rolled back as undecided.
        min_requests: The canary requests without which nothing is promoted.
        checks_per_weight: The checks with traffic on both arms before the next weight.
        slo_milliseconds: A slower answer counts against the arm; an edge of the latency histogram, 0 for none.
        error_margin: How much more failing requests than the champion's still count as equal, as a share.
        slow_margin: The same for slow answers.
        refused_margin: The same for answers with status 4xx.
        alpha: The probability of a wrong promotion, and of a wrong rollback.
        metrics: Where counters come from; empty takes the setting KFP_LIFECYCLE_METRICS.
        queries: JSON, the queries of the preset custom.
        evidence: traffic, replay or both; replay sends the held-out rows to both arms.
        replay_limit: At most so many rows are replayed.
        replay_per_second: At most so many rows a second.
        disagreement_limit: The share of replayed rows on which the arms may disagree.
        approval: Who must approve a canary before it is promoted: none, annotation, tag or any.
        approval_timeout_seconds: Without an approval by then the canary is rolled back; at most 7 days.
        on_refusal: fail or succeed.
        seed: The seed of split, training and bootstrap.
    """
    # KFP runs one exit task only, so the one that tells how the run ended takes off first what it left open.
    ended = configured(
        notify(
            service=service,
            namespace=namespace,
            run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
            run_name=dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
            take_off=True,
            timeout_seconds=timeout_seconds,
        )
    )
    ended.set_display_name("take off what is left without a verdict, and tell")
    with dsl.ExitHandler(ended, "release"):
        collected = configured(
            collect(
                uri=data_uri,
                columns=columns,
                time_column=time_column,
                window=window,
                as_of=as_of,
                max_rows=max_rows,
            )
        )
        validated = configured(
            validate(table=collected.outputs["table"], label=label, schema_uri=schema_uri, max_bad_share=max_bad_share)
        )
        with dsl.If(validated.outputs["outcome"] == "pass", "valid"):
            parts = configured(
                split(
                    table=validated.outputs["accepted"],
                    method=split_method,
                    holdout_fraction=holdout_fraction,
                    column=split_column,
                    seed=seed,
                )
            )
            trained = configured(
                train(
                    table=parts.outputs["training"],
                    label=label,
                    model_name=model_name,
                    estimator=estimator,
                    parameters=parameters,
                    task=task,
                    features=features,
                    exclude=exclude,
                    time_column=time_column,
                    calibration_window=calibration_window,
                    seed=seed,
                    experiment=experiment,
                )
            )
            evaluated = configured(
                evaluate(
                    model=trained.outputs["model"],
                    holdout=parts.outputs["holdout"],
                    model_name=model_name,
                    environment=environment,
                    metric=metric,
                    margin=margin,
                    min_rows=min_rows,
                    seed=seed,
                )
            )
            with dsl.If(evaluated.outputs["outcome"] == "pass", "good-enough"):
                registered = configured(
                    register(
                        model=trained.outputs["model"],
                        model_name=model_name,
                        environment=environment,
                        run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
                    )
                )
                deployed = configured(
                    deploy(
                        service=service,
                        model_name=model_name,
                        version=registered.outputs["version"],
                        uri=registered.outputs["uri"],
                        digest=registered.outputs["digest"],
                        namespace=namespace,
                        canary_percent=canary_percent,
                        deployment_mode=deployment_mode,
                        environment=environment,
                        spec_overrides=spec_overrides,
                        timeout_seconds=timeout_seconds,
                        run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
                        approval=approval,
                        approval_timeout_seconds=approval_timeout_seconds,
                    )
                )
                with dsl.If(deployed.outputs["outcome"] == "canary", "canary"):
                    judged = configured(
                        judge(
                            service=service,
                            version=registered.outputs["version"],
                            rows=parts.outputs["holdout"],
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
                            run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
                        )
                    )
                    with dsl.If(judged.outputs["outcome"] == "promote", "no-worse"):
                        approved = configured(
                            approve(
                                service=service,
                                version=registered.outputs["version"],
                                namespace=namespace,
                                source=approval,
                                timeout_seconds=approval_timeout_seconds,
                                check_seconds=check_seconds,
                                run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
                            )
                        )
                        with dsl.If(approved.outputs["outcome"] == "approved", "approved"):
                            promoted = configured(
                                promote(
                                    service=service,
                                    model_name=model_name,
                                    version=registered.outputs["version"],
                                    namespace=namespace,
                                    environment=environment,
                                    timeout_seconds=timeout_seconds,
                                    run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
                                )
                            )
                            concluded("promote", promoted, on_refusal)
                        with dsl.Else("not-approved"):
                            _roll_back(
                                "approve",
                                approved,
                                on_refusal,
                                "it was not approved",
                                service,
                                namespace,
                                timeout_seconds,
                            )
                    with dsl.Else("not-shown-to-be-no-worse"):
                        _roll_back(
                            "judge", judged, on_refusal, "the judge said so", service, namespace, timeout_seconds
                        )
                with dsl.Else("no-canary"):
                    concluded("deploy", deployed, on_refusal)
            with dsl.Else("not-good-enough"):
                concluded("evaluate", evaluated, on_refusal)
        with dsl.Else("not-valid"):
            concluded("validate", validated, on_refusal)
