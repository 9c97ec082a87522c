"""Figures of the local cluster: shares, weight changes under load, a killed canary; with the real model server.

    .venv/steps/bin/python benchmarks/local_cluster.py [--mlflow] [--stand-in]

Starts a cluster of its own in a temporary folder and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kfp_lifecycle.local import lifecycle, processes
from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.settings import ClusterSettings
from kfp_lifecycle.local.state import StateFolder
from kfp_lifecycle.local.traffic import Result, shares

STAND_IN = Path(__file__).parent.parent / "tests" / "local" / "stand_in_server.py"
STABLE, CANARY = "demo-v1-predictor", "demo-v2-predictor"


def make_model(folder: Path, seed: int) -> str:
    """A small classifier as a model directory; its URI."""
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    from kfp_lifecycle.core.model import Column, Signature, save_model

    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"distance": random.uniform(0, 1, 200), "hour": random.uniform(0, 24, 200)})
    labels = np.where(frame["distance"] + frame["hour"] / 24 > 1, "late", "on time")
    pipeline = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())]).fit(frame, labels)
    columns = (Column("distance", "number", False), Column("hour", "number", False))
    save_model(folder, pipeline, Signature("classification", "label", ("late", "on time"), columns, "sklearn"), frame)
    return folder.as_uri()


def predictor(version: int, uri: str) -> dict[str, Any]:
    """An arm of Standard mode."""
    return {
        "name": f"v{version}",
        "minReplicas": 1,
        "model": {
            "modelFormat": {"name": "sklearn"},
            "runtime": "kfp-lifecycle-serve",
            "protocolVersion": "v2",
            "storageUri": uri,
            "env": [{"name": "KFP_LIFECYCLE_MODEL_VERSION", "value": str(version)}],
        },
    }


def apply(cluster: Cluster, stable: dict[str, Any], canary: dict[str, Any] | None = None, percent: int = 0) -> None:
    """Apply the service and wait until it serves as asked."""
    spec: dict[str, Any] = {"predictor": stable}
    if canary:
        named = {**canary, "model": {"name": "kserve-container", **canary["model"]}}
        spec["canary"] = [{"trafficPercent": percent, "predictor": named}]
    cluster.apply(
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": "demo", "annotations": {"serving.kserve.io/deploymentMode": "Standard"}},
            "spec": spec,
        }
    )
    cluster.wait_ready("demo", timeout=300)


def failures(results: list[Result], since: float) -> str:
    """Number and span of failed requests."""
    failed = [result for result in results if result.failed]
    if not failed:
        return "none failed"
    first, last = failed[0].at - since, failed[-1].at - since
    return f"{len(failed)} failed between {first:.2f} s and {last:.2f} s, by arm {dict(shares(failed))} %"


def measure(cluster: Cluster, uris: list[str], body: bytes) -> None:
    """Every figure, printed."""
    one, two = predictor(1, uris[0]), predictor(2, uris[1])
    began = time.monotonic()
    apply(cluster, one)
    print(f"first release serves after      {time.monotonic() - began:6.1f} s")
    began = time.monotonic()
    apply(cluster, one, two, 10)
    print(f"canary serves after             {time.monotonic() - began:6.1f} s")

    for percent in (10, 25, 50):
        apply(cluster, one, two, percent)
        with cluster.traffic("demo", body=body) as traffic:
            began = time.monotonic()
            traffic.wait_for(5000, timeout=600)
            seconds = time.monotonic() - began
        results = traffic.results[:5000]
        failed = sum(result.failed for result in results)
        observed = shares(results).get(CANARY, 0.0)
        print(f"asked {percent:>3} %: observed {observed:5.2f} % of 5000, {failed} failed, {5000 / seconds:.0f} rps")

    slowest = 0.0
    with cluster.traffic("demo", rate=200, threads=16, body=body) as traffic:
        for turn in range(20):
            began = time.monotonic()
            apply(cluster, one, two, (10, 50, 0, 100)[turn % 4])
            slowest = max(slowest, time.monotonic() - began)
    failed = sum(result.failed for result in traffic.results)
    print(
        f"20 weight changes: {failed} of {len(traffic.results)} failed; slowest change in force after {slowest:.2f} s"
    )

    apply(cluster, one, two, 50)
    counted = _fives(cluster)
    with cluster.traffic("demo", rate=200, threads=32, body=body) as traffic:
        traffic.wait_for(400)
        killed = time.monotonic()
        pid = cluster.signal(CANARY)
        cluster.wait(lambda: not cluster.get("demo")["status"]["canaryStatuses"][0]["ready"], "readiness dropped")
        dropped = time.monotonic() - killed
        weights = cluster.weights("demo")
        cluster.wait(lambda: time.monotonic() > killed + 10, "ten seconds after the kill")
    results = [result for result in traffic.results if result.at <= killed + 10]
    failed_elsewhere = [result for result in results if result.failed and result.revision != CANARY]
    print(f"kill -9 of the canary ({pid}) at 50 %, 200 rps: {failures(results, killed)}")
    print(
        f"  failed on another arm: {len(failed_elsewhere)}; Envoy counted {_fives(cluster) - counted} 5xx of the canary"
    )
    print(f"  status says not ready after {dropped:.2f} s; weights then {weights}")
    cluster.wait_ready("demo", timeout=300)
    [pod] = [pod for pod in cluster.pods("demo") if pod["status"]["containerStatuses"][0]["restartCount"]]
    seen = pod["status"]["containerStatuses"][0]
    print(f"  restarted and back at {cluster.weights('demo')} after {time.monotonic() - killed:.1f} s;")
    print(f"  restartCount {seen['restartCount']}, last state {json.dumps(seen['lastState']['terminated'])}")

    before = cluster.server(CANARY).pid
    with cluster.traffic("demo", rate=200, threads=16, body=body) as traffic:
        apply(cluster, two)
        cluster.wait(lambda: len(cluster.pods("demo")) == 1, "the old pod gone")
    failed = sum(result.failed for result in traffic.results)
    same = "the same process" if cluster.server(CANARY).pid == before else "ANOTHER PROCESS"
    print(f"promotion: {failed} of {len(traffic.results)} failed, {same}")


def memory(state: StateFolder) -> str:
    """Resident memory of all processes of the cluster."""
    found = [process.memory_info().rss / 1e6 for process in processes.marked(state.path)]
    return f"{sum(found):.0f} MB in {len(found)} processes"


def _fives(cluster: Cluster) -> int:
    return cluster.counters(CANARY).get("rq_5xx", 0)


def main() -> int:
    """Run it all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mlflow", action="store_true", help="with an MLflow server")
    parser.add_argument("--stand-in", action="store_true", help="with the tests' model server instead of ours")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state = StateFolder.at(Path(folder) / "state")
        command = (sys.executable, str(STAND_IN)) if options.stand_in else ()
        began = time.monotonic()
        lifecycle.up(state, ClusterSettings(mlflow=options.mlflow, serve_command=command))
        print(f"up after                        {time.monotonic() - began:6.1f} s")
        try:
            models = [make_model(Path(folder) / f"model-{n}", n) for n in (1, 2)]
            column = {"shape": [1], "datatype": "FP64", "data": [0.5]}
            inputs = {"inputs": [{"name": name, **column} for name in ("distance", "hour")]}
            cluster = Cluster(state)
            measure(cluster, models, json.dumps(inputs).encode())
            print(memory(state))
            cluster.close()
        finally:
            began = time.monotonic()
            lifecycle.down(state)
            took, left = time.monotonic() - began, len(processes.marked(state.path))
            print(f"down after {took:.1f} s, {left} processes left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
