"""From data to a canary: collect, validate, split, train, evaluate, register, deploy, conclude."""

from kfp import dsl

from kfp_lifecycle.components import collect, conclude, deploy, evaluate, register, split, train, validate
from kfp_lifecycle.pipelines.settings import configured


def _conclude(step: str, decided: dsl.PipelineTask, on_refusal: str) -> None:
    """End the run by the decision of ``decided``; inside the branch that its outcome chose."""
    task = conclude(
        step=step,
        outcome=decided.outputs["outcome"],
        decision=decided.outputs["decision"],
        on_refusal=on_refusal,
    )
    configured(task).set_display_name(f"conclude after {step}")


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
    on_refusal: str = "fail",
    seed: int = 0,
) -> None:
    """Train a model, gate it, register it and release it as a KServe InferenceService.

    The first version takes all traffic, a later one enters as a canary. A gate that refuses ends the run with its
    decision and report; on_refusal says whether such a run counts as failed.

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
        on_refusal: fail or succeed.
        seed: The seed of split, training and bootstrap.
    """
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
                )
            )
            _conclude("deploy", deployed, on_refusal)
        with dsl.Else("not-good-enough"):
            _conclude("evaluate", evaluated, on_refusal)
    with dsl.Else("not-valid"):
        _conclude("validate", validated, on_refusal)
