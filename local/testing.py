"""Pytest plugin: a local cluster for tests, on free ports in a temporary folder.

Load it with ``pytest_plugins = ["kfp_lifecycle.local.testing"]``. Clusters are shared: tests of one session that ask
for the same options get the same cluster, so name your InferenceServices differently and delete them.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kfp_lifecycle.local import lifecycle
from kfp_lifecycle.local.cluster import Answer, Cluster
from kfp_lifecycle.local.settings import ClusterSettings, Timings
from kfp_lifecycle.local.state import StateFolder

__all__ = ["Answer", "Cluster", "ClusterFactory", "local_cluster", "quick_timings"]

ClusterFactory = Callable[..., Cluster]


def quick_timings() -> Timings:
    """A kubelet in a hurry: restarts and probes fast enough for tests, in the order of a real one."""
    return Timings(relist=0.25, probe=0.25, probe_timeout=1.0, back_off=1.0, progress_deadline=5.0, grace=3.0)


@pytest.fixture(scope="session")
def local_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterFactory]:
    """A function that gives a running cluster.

    Options, all by keyword: ``mode`` ("Standard" or "Knative"), ``mlflow`` (bool, default False: it takes longest),
    ``kfp`` (bool, default False: a KFP API; then ``kfp_tokens``, ``code`` and ``runs_at_once`` as in ``local up``),
    ``serve_command`` (command of a stand-in model server), ``timings``, ``role`` (YAML file), ``max_body_bytes``,
    ``payload_log`` (bool, default False: releases of ``deploy`` log what they are asked and answer),
    ``fresh`` (True: a cluster of one's own). All clusters end with the session and leave no process behind.
    """
    clusters: dict[str, Cluster] = {}

    def get(
        *,
        mode: str = "Standard",
        mlflow: bool = False,
        serve_command: Sequence[str] = (),
        timings: Timings | None = None,
        kfp: bool = False,
        kfp_tokens: bool = False,
        code: Sequence[str | Path] = (),
        runs_at_once: int = 2,
        role: str | Path = "",
        max_body_bytes: int = 1 << 20,
        payload_log: bool = False,
        fresh: bool = False,
    ) -> Cluster:
        settings = ClusterSettings(
            mode=mode,
            mlflow=mlflow,
            serve_command=tuple(serve_command),
            max_body_bytes=max_body_bytes,
            kfp=kfp,
            kfp_tokens=kfp_tokens,
            code=tuple(str(Path(path).resolve()) for path in code),
            runs_at_once=runs_at_once,
            role=str(role),
            payload_log=payload_log,
            timings=timings or quick_timings(),
        )
        key = json.dumps(settings.to_json(), sort_keys=True) + (str(len(clusters)) if fresh else "")
        if key not in clusters:
            state = StateFolder.at(tmp_path_factory.mktemp("cluster"))
            lifecycle.up(state, settings, tell=lambda text: print(text, file=sys.stderr))
            clusters[key] = Cluster(state)
        return clusters[key]

    yield get
    if clusters:
        # Each waits seconds for its processes to drain.
        with ThreadPoolExecutor(len(clusters)) as ending:
            list(ending.map(_end, clusters.values()))


def _end(cluster: Cluster) -> None:
    cluster.close()
    lifecycle.down(cluster.state, tell=lambda _: None)
    shutil.rmtree(cluster.state.path, ignore_errors=True)
