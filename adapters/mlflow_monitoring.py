"""MLflow runs of a monitoring: one for each KFP run, however often its step is tried again."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kfp_lifecycle.adapters.mlflow_connection import attempt, connect
from kfp_lifecycle.adapters.mlflow_registry import DIGEST, RUN_ID
from kfp_lifecycle.adapters.mlflow_runs import RUN_ID as ADOPTED
from kfp_lifecycle.adapters.mlflow_runs import adopted_run, find_experiment

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY = "kfp-lifecycle.monitoring_key"
VERSION = "kfp-lifecycle.model_version"
WINDOW = "kfp-lifecycle.window"
OUTCOME = "kfp-lifecycle.outcome"


@dataclass(frozen=True)
class Monitoring:
    """What is recorded.

    Attributes:
        key: names the monitoring; a second attempt with the same key writes to the first one's run.
        kfp_run_id: may be empty.
        window: the newest window, ``start/end``.
        time: of the metrics' points, in milliseconds since 1970: the window's end, so that a plot over time is true.
        metrics: finite figures.
    """

    key: str
    model_name: str
    version: str
    digest: str
    kfp_run_id: str
    window: str
    outcome: str
    time: int
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def tags(self) -> dict[str, str]:
        """The tags by which runs are found again."""
        return {
            KEY: self.key,
            RUN_ID: self.kfp_run_id,
            VERSION: self.version,
            DIGEST: self.digest,
            WINDOW: self.window,
            OUTCOME: self.outcome,
        }


def record_monitoring(monitoring: Monitoring) -> str:
    """Record a monitoring once, in the experiment that has the model's name; the id of the run.

    The run of ``MLFLOW_RUN_ID`` is adopted: its metrics are left to its owner, KFP's launcher, which logs those of the
    step, and only tags are set.

    Raises:
        InputError: MLflow does not answer or refuses.
    """
    from mlflow.entities import Metric, RunTag

    client = connect()
    adopted = bool(os.environ.get(ADOPTED))
    run = adopted_run(client) if adopted else _open_run(client, monitoring)
    run_id = str(run.info.run_id)
    tags = [RunTag(name, text) for name, text in monitoring.tags.items()]
    # MLflow keeps one point of a value, time and step: those of an earlier attempt get no twins.
    metrics = [
        Metric(key=name, value=float(value), timestamp=monitoring.time, step=0)
        for name, value in monitoring.metrics.items()
        if not adopted
    ]
    attempt(lambda: client.log_batch(run_id, metrics=metrics, tags=tags))
    if not adopted:
        attempt(lambda: client.set_terminated(run_id, "FINISHED"))
    return run_id


def _open_run(client: MlflowClient, monitoring: Monitoring) -> Any:
    place = find_experiment(client, monitoring.model_name, create=True)

    def find_or_create() -> Any:
        # Searched at each attempt: a run made by an attempt whose reply was lost is found, not made again.
        query = f"tags.`{KEY}` = '{monitoring.key}'"
        found = client.search_runs([place], query, order_by=["attributes.start_time ASC"], max_results=1)
        if found:
            return found[0]
        name = f"monitor {monitoring.model_name}"
        start = int(time.time() * 1000)
        return client.create_run(place, start_time=start, tags={KEY: monitoring.key}, run_name=name)

    return attempt(find_or_create)
