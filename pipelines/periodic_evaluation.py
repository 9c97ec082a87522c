"""The champion on fresh labelled rows, on a schedule, by the rule that the monitor of served rows follows, too."""

from kfp import dsl

from kfp_lifecycle.components import collect, monitor, start_retrain
from kfp_lifecycle.pipelines.endings import concluded
from kfp_lifecycle.pipelines.scored_shards import scored
from kfp_lifecycle.pipelines.settings import configured


@dsl.pipeline(name="periodic-evaluation")
def periodic_evaluation(
    data_uri: str,
    label: str,
    model_name: str,
    time_column: str,
    output_uri: str,
    columns: list[str] = [],
    data_window: str = "",
    as_of: str = "",
    labels_uri: str = "",
    labels_id: list[str] = [],
    labels_time: str = "",
    environment: str = "prod",
    version: str = "",
    rows_per_shard: int = 250000,
    windows: int = 3,
    window: str = "",
    label_lag: str = "P0D",
    metric: str = "",
    drop: float = 0.02,
    p_limit: float = 0.001,
    needed: int = 2,
    min_rows: int = 200,
    retrain: bool = False,
    pipeline: str = "train-and-release",
    pipeline_version: str = "",
    parameters: str = "{}",
    cooldown: str = "P7D",
    budget: int = 4,
    budget_period: str = "P28D",
    max_running: int = 1,
    min_new_labels: int = 0,
    namespace: str = "",
    on_refusal: str = "fail",
) -> None:
    """Let the champion predict fresh labelled rows, and compare it with what it did on its calibration windows.

    The figures go to the run and, under its id, to MLflow. A sustained loss is told, or with retrain starts a training
    pipeline within the limits that the monitor of served rows keeps to, as both share one book.

    Args:
        data_uri: A file, a folder or a glob on disk, s3, gs or https; Parquet, CSV or JSON lines.
        label: The column of the true answer, in these rows or in labels_uri.
        model_name: The registered name of the model.
        time_column: The column of event time (UTC).
        output_uri: A folder on disk, s3 or gs for the predictions; those that are there are not made again.
        columns: The columns to read; empty reads all.
        data_window: The rows to read, 'start/end' in ISO 8601, or 'P28D' for the 28 days before as_of: label_lag and
            all windows; empty takes all rows.
        as_of: The moment up to which windows count back; a schedule sets [[ScheduledTime]], empty means now.
        labels_uri: A table of labels to join; empty where the rows hold them.
        labels_id: Its columns that the rows have, too, and by which they meet.
        labels_time: Its column of when a label was known.
        environment: The environment whose champion is evaluated.
        version: The version to evaluate instead; empty takes the champion.
        rows_per_shard: Where the rows are cut; at most 500 shards.
        windows: So many windows are judged.
        window: The length of one, an ISO 8601 duration; empty takes that of the model's calibration windows.
        label_lag: How long after a window's end its labels may come, an ISO 8601 duration.
        metric: The measure of performance; empty takes log_loss (accuracy without probabilities), r2 of a regression.
        drop: A window is flagged when it is worse than the calibration windows by more than this ...
        p_limit: ... and the one-sided p of no drop is below this.
        needed: So many flagged windows of the last ones ask for a retrain.
        min_rows: A window with fewer rows is not judged, nor one with fewer labels.
        retrain: Whether a sustained loss starts a run.
        pipeline: The name of the uploaded pipeline that it starts.
        pipeline_version: The name of a version; empty runs the newest.
        parameters: The run's parameters as one JSON object.
        cooldown: The least time between two retrains, an ISO 8601 duration.
        budget: The most retrains in a budget_period.
        budget_period: An ISO 8601 duration.
        max_running: The most retrains at the same time.
        min_new_labels: The labelled rows that must have been judged.
        namespace: Of the run that is started; empty means this run's own.
        on_refusal: fail or succeed, for a run whose data was refused or too little.
    """
    collected = configured(
        collect(
            uri=data_uri,
            columns=columns,
            time_column=time_column,
            window=data_window,
            as_of=as_of,
            labels_uri=labels_uri,
            labels_id=labels_id,
            labels_time=labels_time,
            label=label,
        )
    )
    predicted = scored(
        table=collected.outputs["table"],
        model_name=model_name,
        output_uri=output_uri,
        environment=environment,
        version=version,
        rows_per_shard=rows_per_shard,
        time_column=time_column,
    )
    watched = configured(
        monitor(
            table=predicted.outputs["predictions"],
            model_name=model_name,
            label=label,
            as_of=collected.outputs["as_of"],
            windows=windows,
            window=window,
            label_lag=label_lag,
            environment=environment,
            # Not the champion of this moment: the one that predicted.
            version=predicted.outputs["version"],
            # Whether rows drift is asked of those that were served.
            engine="none",
            metric=metric,
            drop=drop,
            p_limit=p_limit,
            needed=needed,
            min_rows=min_rows,
            run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        )
    )
    with dsl.If(watched.outputs["outcome"] == "retrain", "worse"):
        with dsl.If(retrain == True, "retrain-asked-for"):  # noqa: E712
            started = configured(
                start_retrain(
                    outcome=watched.outputs["outcome"],
                    decision=watched.outputs["decision"],
                    window=watched.outputs["window"],
                    model_name=model_name,
                    pipeline=pipeline,
                    environment=environment,
                    pipeline_version=pipeline_version,
                    parameters=parameters,
                    as_of=collected.outputs["as_of"],
                    cooldown=cooldown,
                    budget=budget,
                    budget_period=budget_period,
                    max_running=max_running,
                    min_new_labels=min_new_labels,
                    namespace=namespace,
                    run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
                )
            )
            concluded("start_retrain", started, on_refusal, "decision_out")
        with dsl.Else("only-told"):
            concluded("monitor", watched, on_refusal)
    with dsl.Else("not-worse"):
        concluded("monitor", watched, on_refusal)
