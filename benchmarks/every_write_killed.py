"""Kill a whole run at every write it makes, run it again, and look at what is left.

A proxy stands before MLflow and one before the Kubernetes API. For each mutating request of an undisturbed run, a new
model and service get a run that is killed with SIGKILL, once before the request is forwarded and once after its answer
came back, and then a second run that nobody disturbs. Each pair must leave one version, one release record and one
InferenceService that serves the version. Prints a line for each; exits 1 if one of them is wrong.

    python benchmarks/every_write_killed.py [--from N] [--to N]
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from kubernetes.client.exceptions import ApiException
from mlflow import MlflowClient
from released import disturbed_state

from kfp_lifecycle.local import lifecycle
from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.settings import ClusterSettings
from kfp_lifecycle.local.state import StateFolder
from kfp_lifecycle.local.write_proxy import Writes

ROOT = Path(__file__).parents[1]


def rows(path: Path) -> None:
    random = np.random.default_rng(0)
    size = random.normal(size=400)
    pd.DataFrame({"size": size, "late": (size + random.normal(scale=0.3, size=400) > 0).astype(int)}).to_parquet(path)


def run(compiled: Path, data: Path, state: Path, name: str, writes: Writes | None = None) -> int:
    """The pipeline through the command line, in a session of its own; its exit code, negative when killed."""
    program, pipeline = Path(sys.executable).parent / "kfp-lifecycle", compiled / "pipelines" / "train_and_release.yaml"
    words: Sequence[str] = [
        str(program), "run", str(pipeline),
        "--state", str(state), "--param", f"data_uri={data}", "--param", "label=late", "--param", f"model_name={name}",
        "--param", f"service={name}", "--param", "namespace=default", "--param", "min_rows=50",
        "--param", "estimator=sklearn.linear_model.LogisticRegression",
    ]  # fmt: skip
    with (state / "runs.log").open("ab") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
        if writes:
            writes.victim = process.pid
        return process.wait()


def problems(cluster: Cluster, name: str) -> list[str]:
    """What is not as it must be."""
    found = []
    versions = MlflowClient(cluster.mlflow_url).search_model_versions(f"name = '{name}'")
    if len(versions) != 1:
        found.append(f"{len(versions)} versions")
    everything, _ = cluster.objects.services()
    services = [each for each in everything if each["metadata"]["labels"].get("kfp-lifecycle/model") == name]
    if len(services) != 1:
        found.append(f"{len(services)} services")
    record = cluster.objects.get("ConfigMap", "default", f"kfp-lifecycle-release-{name}")
    if record is None:
        found.append("no record")
    if record and not found:
        champion = services[0]["metadata"]["annotations"].get("kfp-lifecycle/champion-version")
        releases = json.loads(record["data"]["record.json"])["releases"]
        if champion != versions[0].version:
            found.append(f"champion {champion}, version {versions[0].version}")
        if releases[-1]["state"] != "serving" or releases[-1]["to_version"] != champion:
            found.append(f"record ends with {releases[-1]['state']} of version {releases[-1]['to_version']}")
        if cluster.send(name).status != 200:
            found.append("the service does not answer")
        alias = MlflowClient(cluster.mlflow_url).get_model_version_by_alias(name, "champion").version
        if alias != champion:
            found.append(f"alias champion is {alias}")
    return found


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--from", dest="first", type=int, default=1)
    words.add_argument("--to", dest="last", type=int, default=0, help="0: the last write")
    options = words.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="every-write-"))
    state = StateFolder.at(folder / "cluster")
    lifecycle.up(state, ClusterSettings(), tell=print)
    try:
        return trials(Cluster(state), folder, options.first, options.last)
    finally:
        lifecycle.down(state, tell=print)


def trials(cluster: Cluster, folder: Path, first: int, last: int) -> int:
    compiled, data = folder / "compiled", folder / "rows.parquet"
    subprocess.run([sys.executable, ROOT / "compile.py", "--out", compiled], check=True, stdout=subprocess.DEVNULL)
    rows(data)
    undisturbed = Writes()
    with disturbed_state(cluster, folder / "undisturbed", undisturbed) as through:
        code = run(compiled, data, through, "undisturbed", undisturbed)
    wrong = [] if code == 0 else [f"exit code {code}"]
    wrong += problems(cluster, "undisturbed")
    print(f"undisturbed: {len(undisturbed.seen)} writes, {'; '.join(wrong) or 'as it must be'}", flush=True)
    cluster.delete("undisturbed")
    failures = len(wrong)
    for number in range(first, (last or len(undisturbed.seen)) + 1):
        for before in (True, False):
            name = f"killed-{number}-{'before' if before else 'after'}"
            writes, began = Writes(kill_at=number, before=before), time.monotonic()
            with disturbed_state(cluster, folder / name, writes) as through:
                code = run(compiled, data, through, name, writes)
            wrong = [] if code == -signal.SIGKILL else [f"the first run ended with {code}, not killed"]
            second = run(compiled, data, cluster.state.path, name)
            wrong += [] if second == 0 else [f"the second run ended with {second}"]
            wrong += problems(cluster, name)
            failures += bool(wrong)
            line = writes.seen[number - 1] if len(writes.seen) >= number else "(never reached)"
            print(
                f"{number:3} {'before' if before else 'after ':6} {line:<70.70} {'; '.join(wrong) or 'one of each'}"
                f"  {time.monotonic() - began:.0f} s",
                flush=True,
            )
            with suppress(ApiException):
                cluster.delete(name)
    print(f"{failures} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
