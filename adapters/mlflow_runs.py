"""MLflow runs of a training: one run per training, adopted or resumed rather than repeated, with one logged model."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.adapters.mlflow_connection import attempt, connect, error_code, time_for_files
from kfp_lifecycle.adapters.mlflow_registry import CONTENT_KEY, DIGEST, TABLE_DIGEST
from kfp_lifecycle.core.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Set by KFP's MLflow plugin on each task.
RUN_ID = "MLFLOW_RUN_ID"
EXPERIMENT_ID = "MLFLOW_EXPERIMENT_ID"
_CONTEXT = "mlflow.data.context"
_DIGEST_LENGTH = 36
_PARAMETER_LENGTH = 6000


@dataclass(frozen=True)
class Training:
    """What is logged of a training.

    Attributes:
        content_key: names the training; a second attempt with the same key continues the first one's run.
        model_name: name of the run and of the logged model.
        directory: the sealed model directory.
        digest: its digest.
        table_digest: of the training rows.
        table_source: where they came from, without credentials.
        parameters: of the training, values as text.
        metrics: finite figures.
    """

    content_key: str
    model_name: str
    directory: Path
    digest: str
    table_digest: str
    table_source: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def tags(self) -> dict[str, str]:
        """The tags by which runs and logged models are found again."""
        return {CONTENT_KEY: self.content_key, DIGEST: self.digest, TABLE_DIGEST: self.table_digest}


@dataclass(frozen=True)
class LoggedTraining:
    """Where a training was logged.

    Attributes:
        run_id: the MLflow run.
        model_id: the LoggedModel, ``m-...``.
        adopted: whether ``MLFLOW_RUN_ID`` gave the run; its owner then logs parameters and metrics, and ends it.
    """

    run_id: str
    model_id: str
    adopted: bool


def require_place(experiment: str) -> None:
    """Look whether a training can be logged, before it costs anything; nothing is written.

    Raises:
        InputError: MLflow does not answer, the experiment was deleted, or ``MLFLOW_RUN_ID`` names no active run.
    """
    client = connect()
    if os.environ.get(RUN_ID):
        adopted_run(client)
    else:
        find_experiment(client, experiment)


def log_training(training: Training, experiment: str) -> LoggedTraining:
    """Log a training once.

    The run of ``MLFLOW_RUN_ID`` is adopted: parameters and metrics are left to its owner (KFP's launcher), so that
    nothing is logged twice. Without it an unfinished run of the same content key is continued, else one is made.

    Args:
        training: what to log.
        experiment: the experiment's name; made when there is none.

    Raises:
        InputError: as ``require_place``.
    """
    client = connect()
    run = adopted_run(client) if os.environ.get(RUN_ID) else None
    adopted = run is not None
    if run is None:
        run = _open_run(client, find_experiment(client, experiment, create=True), training)
    run_id, experiment_id = run.info.run_id, run.info.experiment_id
    try:
        _log_inputs(client, run, training, with_parameters=not adopted)
        model_id = _log_model(client, experiment_id, run_id, training)
        if not adopted:
            _log_metrics(client, run_id, model_id, training)
            attempt(lambda: client.set_terminated(run_id, "FINISHED"))
    except BaseException:
        if not adopted:
            _mark_failed(client, run_id)
        raise
    return LoggedTraining(run_id, model_id, adopted)


def adopted_run(client: MlflowClient) -> Any:
    """The run that ``MLFLOW_RUN_ID`` names.

    Raises:
        InputError: it names no active run.
    """
    from mlflow.exceptions import MlflowException

    run_id = os.environ[RUN_ID]
    remedy = f"Unset {RUN_ID}, or give the id of a run that is there."
    try:
        run = attempt(lambda: client.get_run(run_id))
    except MlflowException as error:
        raise InputError(RUN_ID, run_id, f"a run of the tracking server ({error_code(error)})", remedy) from error
    if run.info.lifecycle_stage != "active":
        raise InputError(RUN_ID, run_id, "an active run, not a deleted one", remedy)
    return run


def find_experiment(client: MlflowClient, name: str, create: bool = False) -> str:
    """The experiment's id; empty when there is none and none is to be made.

    Raises:
        InputError: the experiment was deleted.
    """
    from mlflow.exceptions import MlflowException

    if given := os.environ.get(EXPERIMENT_ID):
        return given
    found = attempt(lambda: client.get_experiment_by_name(name))
    if found is None and create:
        try:
            return str(attempt(lambda: client.create_experiment(name)))
        except MlflowException as error:
            if error_code(error) != "RESOURCE_ALREADY_EXISTS":
                raise
            # Somebody was faster, or the reply to our own first attempt was lost.
            found = attempt(lambda: client.get_experiment_by_name(name))
    if found is not None and found.lifecycle_stage != "active":
        raise InputError(
            "experiment",
            name,
            "an experiment that is not deleted",
            f"Restore it (mlflow experiments restore -x {found.experiment_id}) or name another one.",
        )
    return "" if found is None else str(found.experiment_id)


def _open_run(client: MlflowClient, experiment_id: str, training: Training) -> Any:
    query = f"tags.`{CONTENT_KEY}` = '{training.content_key}' and attributes.status != 'FINISHED'"

    def find_or_create() -> Any:
        # Searched at each attempt: a run made by an attempt whose reply was lost is found, not made again.
        found = client.search_runs([experiment_id], query, order_by=["attributes.start_time ASC"], max_results=1)
        if not found:
            return client.create_run(experiment_id, tags=training.tags, run_name=training.model_name)
        client.update_run(found[0].info.run_id, status="RUNNING")
        return found[0]

    return attempt(find_or_create)


def _log_inputs(client: MlflowClient, run: Any, training: Training, with_parameters: bool) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Param, RunTag
    from mlflow.exceptions import MlflowException

    run_id = run.info.run_id
    parameters = [Param(name, text[:_PARAMETER_LENGTH]) for name, text in training.parameters.items()]
    tags = [RunTag(name, text) for name, text in training.tags.items()]
    attempt(lambda: client.log_batch(run_id, params=parameters if with_parameters else [], tags=tags))
    dataset = Dataset(
        name="training",
        # MLflow keeps 36 characters; the tag holds the whole digest.
        digest=training.table_digest[:_DIGEST_LENGTH],
        source_type="kfp",
        source=training.table_source or "kfp",
    )
    datasets = [DatasetInput(dataset, [InputTag(_CONTEXT, "training")])]
    try:
        attempt(lambda: client.log_inputs(run_id, datasets))
    except MlflowException as error:
        if "IntegrityError" not in str(error):
            raise
        # The server looks for the dataset and then inserts it; somebody inserted the same one in between.
        attempt(lambda: client.log_inputs(run_id, datasets))


def _log_model(client: MlflowClient, experiment_id: str, run_id: str, training: Training) -> str:
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    for left in attempt(lambda: client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'")):
        if left.status == LoggedModelStatus.READY and left.tags.get(DIGEST) == training.digest:
            return str(left.model_id)
        if left.status == LoggedModelStatus.PENDING:
            # An attempt died before its model was ready. One that is alive all the same says READY later.
            client.finalize_logged_model(left.model_id, "FAILED")
    # Not among the characters of a logged model's name.
    name = re.sub(r"[/:.%\"']", "-", training.model_name)
    model = attempt(
        lambda: client.create_logged_model(
            experiment_id, name=name, source_run_id=run_id, tags=training.tags, model_type="sklearn"
        )
    )
    model_id = str(model.model_id)
    with time_for_files():
        attempt(lambda: client.log_model_artifacts(model_id, str(training.directory)))
    attempt(lambda: client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)]))
    attempt(lambda: client.finalize_logged_model(model_id, "READY"))
    return model_id


def _log_metrics(client: MlflowClient, run_id: str, model_id: str, training: Training) -> None:
    from mlflow.entities import Metric

    # A metric is a list of points: a point of an earlier attempt must not get a twin.
    there = attempt(lambda: client.get_run(run_id)).data.metrics
    now = int(time.time() * 1000)
    metrics = [
        Metric(
            key=name,
            value=value,
            timestamp=now,
            step=0,
            model_id=model_id,
            dataset_name="training",
            dataset_digest=training.table_digest[:_DIGEST_LENGTH],
        )
        for name, value in training.metrics.items()
        if there.get(name) != value
    ]
    attempt(lambda: client.log_batch(run_id, metrics=metrics))


def _mark_failed(client: MlflowClient, run_id: str) -> None:
    """Say on the run that it failed, when MLflow still listens; the failure itself is already on its way up."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    try:
        client.set_terminated(run_id, "FAILED")
    except (MlflowException, RequestException) as error:
        print(f"run {run_id} could not be marked as failed: {type(error).__name__}")
