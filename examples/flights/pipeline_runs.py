"""Runs on the cluster's KFP API by the official client, and what their steps said."""

from __future__ import annotations

import contextlib
import io
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kfp_lifecycle.core.decision import SavedDecision, load_decision
from kfp_lifecycle.local.cluster import Cluster

_ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")


def _quietly(call: Callable[..., Any], *values: Any, **named: Any) -> Any:
    """Call without the links and the warning of its version that the client prints."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return call(*values, **named)


class Runs:
    """Starts runs of uploaded pipelines; the folder of a run, on this machine, holds what its steps said."""

    def __init__(self, cluster: Cluster) -> None:
        self._client = _quietly(cluster.kfp_client)
        self._folder = cluster.state["runs"]
        self._pipelines: dict[str, tuple[str, str]] = {}
        self._experiment = _quietly(self._client.create_experiment, "story").experiment_id

    def start(self, pipeline: str, name: str, parameters: dict[str, Any]) -> str:
        """Run the newest version of an uploaded pipeline; the run's id."""
        if pipeline not in self._pipelines:
            found = self._client.get_pipeline_id(pipeline)
            (version, *_) = self._client.list_pipeline_versions(found, sort_by="created_at desc").pipeline_versions
            self._pipelines[pipeline] = (found, version.pipeline_version_id)
        found, version = self._pipelines[pipeline]
        run = _quietly(
            self._client.run_pipeline, self._experiment, name, pipeline_id=found, version_id=version, params=parameters
        )
        return str(run.run_id)

    def wait(self, run_id: str) -> str:
        """The state in which a run ended."""
        while (state := self._client.get_run(run_id).state) not in _ENDED:
            time.sleep(0.3)
        return str(state)

    def why(self, run_id: str) -> str:
        """Why a run failed; empty for one that did not."""
        error = self._client.get_run(run_id).error
        return str(error.message) if error else ""

    def folder(self, run_id: str) -> Path:
        """Where the run's files are."""
        (found,) = self._folder.glob(f"*-{run_id[:8]}-*")
        return Path(found)

    def outputs(self, run_id: str) -> dict[str, dict[str, Any]]:
        """The outputs of each step that ended, by its name."""
        tasks = json.loads((self.folder(run_id) / "run.json").read_text(encoding="utf-8"))["tasks"]
        return {task["name"]: task["outputs"] for task in tasks}

    def decision(self, run_id: str, step: str, artifact: str = "decision") -> SavedDecision | None:
        """What a step decided; None where it did not run."""
        tasks = json.loads((self.folder(run_id) / "run.json").read_text(encoding="utf-8"))["tasks"]
        found = [Path(task["directory"]) / artifact for task in tasks if task["name"] == step]
        return load_decision(found[0]) if found and found[0].exists() else None
