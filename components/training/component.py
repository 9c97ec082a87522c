from typing import List, NamedTuple

from kfp import dsl

from kfp_lifecycle.components import images


@dsl.component(base_image=images.reference("train"), install_kfp_package=False)
def train(
    table: dsl.Input[dsl.Dataset],
    label: str,
    model_name: str,
    model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    estimator: str = "sklearn.ensemble.HistGradientBoostingClassifier",
    parameters: str = "{}",
    task: str = "auto",
    features: List[str] = [],
    exclude: List[str] = [],
    time_column: str = "",
    calibration_window: str = "P7D",
    seed: int = 0,
    experiment: str = "",
) -> NamedTuple("Outputs", [("content_key", str), ("digest", str), ("run_id", str)]):  # type: ignore[valid-type]
    """Fit an estimator behind an automatic preprocessor, and log it to MLflow once.

    Args:
        table: The rows to learn from.
        label: The column to be predicted.
        model_name: The name the model will be registered under.
        estimator: The import path of a scikit-learn class, or 'module:function' of code in the image.
        parameters: The estimator's parameters as one JSON object, so that 100 stays an integer.
        task: classification, regression, or auto to go by the label.
        features: The columns to learn from; empty takes all but the label and those excluded.
        exclude: Columns to leave out.
        time_column: The column of event time, for out-of-sample calibration windows.
        calibration_window: The length of one such window, an ISO 8601 duration.
        seed: The seed of everything random.
        experiment: The MLflow experiment; empty takes the model's name.

    Returns:
        model: An MLflow model directory with a skops file, a profile and checksums.
        metrics: The training figures that the KFP UI shows.
        content_key: sha256 of model name, table, estimator, parameters, seed and code.
        digest: sha256 of the directory's checksums.
        run_id: The MLflow run.
    """
    from kfp_lifecycle.components.training.training import train as run

    return run(
        table=table,
        label=label,
        model_name=model_name,
        model=model,
        metrics=metrics,
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
