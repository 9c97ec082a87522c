"""The step ``train``: from a table to a sealed model directory, logged to MLflow once."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kfp_lifecycle.adapters import mlflow_runs
from kfp_lifecycle.components.training.calibration import calibrate
from kfp_lifecycle.components.training.profiling import profile_of, sample_of
from kfp_lifecycle.components.training.recipe import Recipe
from kfp_lifecycle.components.training.request import Request, read_request
from kfp_lifecycle.components.training.rows import TrainingRows, read_rows
from kfp_lifecycle.core.artifact import Artifact
from kfp_lifecycle.core.errors import InputError, step_entry
from kfp_lifecycle.core.model import ModelFileError, UntrustedTypeError, save_model
from kfp_lifecycle.core.profile import Performance, Profile, save_profile
from kfp_lifecycle.core.rows import row_hashes
from kfp_lifecycle.core.table import read_info
from kfp_lifecycle.core.threads import threads_for


@step_entry
def train(
    table: Artifact,
    label: str,
    model_name: str,
    model: Artifact,
    metrics: Artifact,
    estimator: str = "sklearn.ensemble.HistGradientBoostingClassifier",
    parameters: str = "{}",
    task: str = "auto",
    features: Sequence[str] = (),
    exclude: Sequence[str] = (),
    time_column: str = "",
    calibration_window: str = "P7D",
    seed: int = 0,
    experiment: str = "",
) -> tuple[str, str, str]:
    """Train a model, profile it, seal it and log it; see the face for the parameters.

    Returns:
        The content key, the model digest and the id of the MLflow run.

    Raises:
        InputError: a parameter, the table or MLflow does not allow it; nothing is logged.
    """
    request = read_request(
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
    )
    info = read_info(table.path)
    rows = read_rows(request, table.path)
    # Before the long part: a fit is worth little when it cannot be logged.
    mlflow_runs.require_place(experiment or model_name)
    for note in rows.notes:
        print(note)

    recipe = Recipe(rows.signature, request.seed, request.prototype, request.function, request.parameters)
    with threads_for(info.rows):
        performance = _performance(request, recipe, rows)
        fitted = recipe.fit(rows.inputs, rows.target.values)
        profile = profile_of(fitted, rows, info, performance, time_column, request.seed)
    digest = _save(Path(model.path), fitted, rows, profile, request)

    key = request.content_key(info.digest)
    figures = _figures(profile)
    logged = mlflow_runs.log_training(
        mlflow_runs.Training(
            content_key=key,
            model_name=model_name,
            directory=Path(model.path),
            digest=digest,
            table_digest=info.digest,
            table_source=info.source,
            parameters=request.to_log(),
            metrics=figures,
        ),
        experiment or model_name,
    )
    metrics.metadata.update(figures)
    model.metadata.update(
        digest=digest,
        content_key=key,
        task=rows.signature.task,
        label=label,
        run_id=logged.run_id,
        model_id=logged.model_id,
        rows=info.rows,
        table_digest=info.digest,
    )
    print(f"trained on {info.rows} rows: model {digest}, logged as {logged.model_id} in MLflow run {logged.run_id}")
    return key, digest, logged.run_id


def _performance(request: Request, recipe: Recipe, rows: TrainingRows) -> Performance:
    if request.calibration_window is None:
        return Performance(note="no calibration was asked for")
    if rows.times is None:
        return Performance(note="no time column was named")
    return calibrate(recipe, rows.inputs, rows.target.values, rows.truth, rows.times, request.calibration_window)


def _save(path: Path, fitted: Any, rows: TrainingRows, profile: Profile, request: Request) -> str:
    """Write the model directory beside its place and move it there when it is whole."""
    # A name of its own: a retried step may run while the first one is still being stopped.
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        hashes = row_hashes(rows.frame, list(profile.hashed_columns))
        save_profile(profile, partial, sample_of(rows, request.seed), hashes)
        digest = save_model(partial, fitted, rows.signature, rows.inputs)
        shutil.rmtree(path, ignore_errors=True)
        partial.rename(path)
    except (ModelFileError, UntrustedTypeError) as error:
        raise InputError(
            "estimator", request.estimator, f"a model that can be saved: {error}", "Choose another estimator."
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return digest


def _figures(profile: Profile) -> dict[str, float]:
    """What KFP and MLflow show of a training: its size, and the mean of each metric over the calibration windows."""
    windows = profile.performance.windows
    figures: dict[str, float] = {
        "rows": profile.rows,
        "columns": len(profile.columns),
        "calibration_windows": len(windows),
    }
    names = sorted({name for window in windows for name in window.metrics})
    for name in names:
        figures[f"calibration_{name}"] = float(np.mean([w.metrics[name] for w in windows if name in w.metrics]))
    return figures
