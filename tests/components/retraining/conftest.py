"""A local cluster with a training pipeline, and monitors that are processes."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kfp_lifecycle.local.testing import Cluster

HERE = Path(__file__).parent
WINDOW = "2026-01-01/2026-01-08"
_COUNT = itertools.count()


class Monitor:
    """A process that has a retrain to start, and waits for ``go``."""

    def __init__(self, environment: dict[str, str], folder: Path, **arguments: Any) -> None:
        self.folder = folder / f"monitor-{next(_COUNT)}"
        self.folder.mkdir(parents=True)
        given = {"window": WINDOW, "pipeline": "training", **arguments}
        self._log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "monitor_process.py"), str(self.folder), json.dumps(given)],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def wait_until_ready(self) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n", self.log()

    def go(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, str]:
        """What the step returned."""
        out, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, out + self.log()
        found: dict[str, str] = json.loads(out.splitlines()[-1])
        return found

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self._log.close()


@pytest.fixture(scope="session")
def training_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    package = tmp_path_factory.mktemp("package") / "training.yaml"
    subprocess.run([sys.executable, str(HERE / "training_pipeline.py"), str(package)], check=True)
    return package


@pytest.fixture(scope="session")
def cluster(local_cluster: Callable[..., Cluster], training_package: Path) -> Cluster:
    made = local_cluster(kfp=True)
    made.kfp_client().upload_pipeline(str(training_package), pipeline_name="training")
    return made


@pytest.fixture
def monitors(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[..., Monitor]]:
    """Make monitors on the local cluster, or where ``environment`` says."""
    made: list[Monitor] = []

    def make(environment: dict[str, str] | None = None, **arguments: Any) -> Monitor:
        made.append(Monitor({**cluster.environment(), **(environment or {})}, tmp_path, **arguments))
        return made[-1]

    yield make
    for monitor in made:
        monitor.close()


def runs(cluster: Cluster, model: str) -> list[Any]:
    """The trainings of a model."""
    found = cluster.kfp_client().list_runs(page_size=200).runs or []
    return [run for run in found if run.runtime_config.parameters.get("model_name") == model]
