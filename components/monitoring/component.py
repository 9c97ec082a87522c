from typing import List, NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("drift"), install_kfp_package=False)
def monitor(
    table: dsl.Input[dsl.Dataset],
    model_name: str,
    decision: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    label: str = "",
    as_of: str = "",
    windows: int = 3,
    window: str = "",
    label_lag: str = "P0D",
    time_column: str = "_event_time",
    exclude: List[str] = [],
    environment: str = "prod",
    version: str = "",
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
    run_id: str = "",
) -> NamedTuple("Outputs", [("outcome", str), ("window", str)]):  # type: ignore[valid-type]
    """Look at a model's served rows: are they whole, do they drift, and is the model still as good as it was?

    Args:
        table: Logged rows with their predictions and, where known, labels: label_lag and the last windows.
        model_name: The registered name.
        label: The column of the true answer; empty where none ever comes.
        as_of: The moment up to which windows count back; empty means now.
        windows: So many windows are judged.
        window: The length of one, an ISO 8601 duration; empty takes that of the model's calibration windows.
        label_lag: How long after a window's end its labels may come, an ISO 8601 duration; P0D for at once.
        time_column: The column of event time, in UTC.
        exclude: Inputs of the model that the log leaves out or hashes: they are not looked at.
        environment: The environment whose champion is watched.
        version: The MLflow version to watch instead.
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
        run_id: The KFP run, under which MLflow records the figures once.

    Returns:
        decision: decision.json with outcome, reasons and numbers.
        metrics: The figures that the KFP UI shows.
        report: The findings as a page.
        outcome: healthy, alert, retrain, data_fault or insufficient_data.
        window: The last window before as_of, start/end; the key of a retrain.
    """
    from kfp_lifecycle.components.monitoring.monitoring import monitor as run

    return run(
        table=table,
        model_name=model_name,
        decision=decision,
        metrics=metrics,
        report=report,
        label=label,
        as_of=as_of,
        windows=windows,
        window=window,
        label_lag=label_lag,
        time_column=time_column,
        exclude=exclude,
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
        run_id=run_id,
    )
