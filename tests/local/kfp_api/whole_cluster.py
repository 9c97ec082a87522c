"""A whole local cluster, killed by its supervisor's process id and brought up again by ``lifecycle.up``."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import kfp
import psutil

from kfp_lifecycle.local import lifecycle
from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.settings import ClusterSettings
from kfp_lifecycle.local.state import StateFolder


class WholeCluster:
    """Starts at once, without MLflow and models; ``up`` starts it again over the same state."""

    def __init__(self, state: Path) -> None:
        self.state = StateFolder.at(state)
        self._settings = ClusterSettings(mlflow=False, serve_command=(sys.executable, "-c", "pass"))
        self.up()

    def up(self) -> None:
        lifecycle.up(self.state, self._settings, tell=lambda _: None)
        cluster = Cluster(self.state)
        self.client: kfp.Client = cluster.kfp_client()
        cluster.close()

    def __enter__(self) -> WholeCluster:
        return self

    def __exit__(self, *_: object) -> None:
        lifecycle.down(self.state, tell=lambda _: None)
        shutil.rmtree(self.state.path)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The supervisor's own exit code, -9 for SIGKILL."""
        known = lifecycle.record(self.state)
        assert known is not None
        supervisor = psutil.Process(known["pids"]["supervisor"])
        os.kill(supervisor.pid, number)
        return int(supervisor.wait(60))

    def run(self, package: Path, **arguments: Any) -> str:
        made = self.client.create_run_from_pipeline_package(str(package), arguments=arguments)
        return str(made.run_id)
