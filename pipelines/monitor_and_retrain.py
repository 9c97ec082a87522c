"""The recurring run that watches a served model, and starts its retraining when its performance is down."""

from kfp import dsl

from kfp_lifecycle.components import collect, monitor, notify, start_retrain
from kfp_lifecycle.pipelines.endings import concluded
from kfp_lifecycle.pipelines.settings import configured


@dsl.pipeline(name="monitor-and-retrain")
def monitor_and_retrain(
    data_uri: str,
    model_name: str,
    pipeline: str = "train-and-release",
    parameters: str = "{}",
    format: str = "payload-log",
    columns: list[str] = [],
    feature_names: list[str] = [],
    lateness: str = "P7D",
    time_column: str = "_event_time",
    data_window: str = "P36D",
    as_of: str = "",
    label: str = "",
    labels_uri: str = "",
    labels_id: list[str] = [],
    labels_time: str = "",
    label_lag: str = "P0D",
    exclude: list[str] = [],
    environment: str = "prod",
    version: str = "",
    windows: int = 3,
    window: str = "",
    engine: str = "alibi-detect",
    reference: str = "profile",
    reference_uri: str = "",
    joint: str = "none",
    correction: str = "bonferroni",
    metric: str = "",
    drop: float = 0.02,
    p_limit: float = 0.001,
    needed: int = 2,
    psi_limit: float = 0.1,
    drift_p: float = 0.01,
    min_rows: int = 200,
    max_missing_rise: float = 0.1,
    max_unseen: float = 0.05,
    without_labels: str = "",
    pipeline_version: str = "",
    trigger: str = "drift",
    cooldown: str = "P7D",
    budget: int = 4,
    budget_period: str = "P28D",
    max_running: int = 1,
    min_new_labels: int = 0,
    experiment: str = "Default",
    service_account: str = "",
    namespace: str = "",
    on_refusal: str = "fail",
) -> None:
    """Collect what a model was asked and answered, judge it, and start a training run when it got worse.

    Each run cuts its windows back from as_of, so a retry on the next day and the slots that a schedule makes up for
    judge the windows, and count the limits, of their own moment. One model, environment, trigger and window starts at
    most one run, whoever asks. A fault of the data, or too little of it, ends the run by on_refusal. However it ends,
    a webhook is told.

    Args:
        data_uri: The log of predictions, or any table that holds features, predictions and label.
        model_name: The registered name of the model.
        pipeline: The name of the uploaded pipeline that a retrain runs.
        parameters: Its parameters as one JSON object; as_of, model_name and environment are added where it has them.
        format: payload-log, kserve-blob, cloudevents, or that of a table: parquet, csv, jsonl or auto.
        columns: The columns to keep; empty keeps all.
        feature_names: In order, for a log that does not name them.
        lateness: How far arrival is from event time in a log.
        time_column: The column of event time (UTC).
        data_window: What to read, a length up to as_of: that of all windows and the label lag, and a day.
        as_of: The moment the run stands for; a schedule sets [[ScheduledTime]], empty means now.
        label: The column of the true answer; empty where none ever comes.
        labels_uri: A table of labels to join.
        labels_id: Its columns of request id and row, or shared with the rows.
        labels_time: Its column of when a label was known.
        label_lag: How long after a window's end its labels may come, an ISO 8601 duration.
        exclude: Inputs of the model that the log leaves out or hashes.
        environment: The environment whose champion is watched.
        version: The MLflow version to watch instead.
        windows: So many windows are judged.
        window: The length of one, an ISO 8601 duration; empty takes that of the model's calibration windows.
        engine: alibi-detect, native (the same tests, Apache-2.0) or none to test no drift.
        reference: profile (the sketches that the model brings along) or table (every row of reference_uri).
        reference_uri: The training table, a folder that a step of this library wrote.
        joint: none, classifier, mmd or lsdd: all columns together, by alibi-detect whatever the engine.
        correction: bonferroni, holm or fdr, over the columns of a window.
        metric: The measure of performance; empty takes log_loss (accuracy without probabilities), r2 of a regression.
        drop: A window is flagged when it is worse than the calibration windows by more than this ...
        p_limit: ... and the one-sided p of no drop is below this.
        needed: So many flagged windows of the last ones ask for a retrain, so many drifted ones alert.
        psi_limit: A column has drifted when its PSI is above this ...
        drift_p: ... and its corrected p below this.
        min_rows: A window with fewer rows is not judged, nor one with fewer labels.
        max_missing_rise: A missing share that rose by more than this is a fault of the data.
        max_unseen: A larger share of categories that training never saw is a fault of the data.
        without_labels: alert or challenger; must be chosen where label is empty.
        pipeline_version: The name of a version; empty runs the newest.
        trigger: The kind of reason; monitors and webhooks that name the same one share its runs.
        cooldown: The least time between two retrains, an ISO 8601 duration; P0D for none.
        budget: The most retrains in a budget_period.
        budget_period: An ISO 8601 duration.
        max_running: The most retrains at the same time.
        min_new_labels: The labelled rows that must have been judged.
        experiment: The KFP experiment of the training run.
        service_account: Of the training run's pods; empty means KFP's default.
        namespace: Of the training run and the book of retrains; empty means this run's own.
        on_refusal: fail or succeed, for a run whose data was broken or too little.
    """
    ended = configured(
        notify(
            namespace=namespace,
            run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
            run_name=dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
        )
    )
    ended.set_display_name("tell how it ended")
    with dsl.ExitHandler(ended, "watch"):
        collected = configured(
            collect(
                uri=data_uri,
                columns=columns,
                time_column=time_column,
                window=data_window,
                as_of=as_of,
                format=format,
                feature_names=feature_names,
                lateness=lateness,
                labels_uri=labels_uri,
                labels_id=labels_id,
                labels_time=labels_time,
                label=label,
            )
        )
        watched = configured(
            monitor(
                table=collected.outputs["table"],
                model_name=model_name,
                label=label,
                as_of=collected.outputs["as_of"],
                windows=windows,
                window=window,
                label_lag=label_lag,
                exclude=exclude,
                time_column=time_column,
                environment=environment,
                version=version,
                engine=engine,
                reference=reference,
                reference_uri=reference_uri,
                joint=joint,
                correction=correction,
                metric=metric,
                drop=drop,
                p_limit=p_limit,
                needed=needed,
                psi_limit=psi_limit,
                drift_p=drift_p,
                min_rows=min_rows,
                max_missing_rise=max_missing_rise,
                max_unseen=max_unseen,
                without_labels=without_labels,
                run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
            )
        )
        with dsl.If(watched.outputs["outcome"] == "retrain", "retrain"):
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
                    trigger=trigger,
                    cooldown=cooldown,
                    budget=budget,
                    budget_period=budget_period,
                    max_running=max_running,
                    min_new_labels=min_new_labels,
                    experiment=experiment,
                    service_account=service_account,
                    namespace=namespace,
                    run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
                )
            )
            concluded("start_retrain", started, on_refusal, "decision_out")
        with dsl.Else("no-retrain"):
            concluded("monitor", watched, on_refusal)
