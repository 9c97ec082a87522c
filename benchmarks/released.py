"""A service of the local cluster whose versions are registered, exported and released as by the steps before deploy."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from mlflow import MlflowClient

from kfp_lifecycle.adapters import mlflow_registry
from kfp_lifecycle.core import checksums
from kfp_lifecycle.core.decision import load_decision
from kfp_lifecycle.core.signature import Column, Signature, save_signature
from kfp_lifecycle.local import lifecycle
from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.settings import ClusterSettings, Timings
from kfp_lifecycle.local.state import StateFolder
from kfp_lifecycle.local.write_proxy import WriteProxy, Writes

REPOSITORY = Path(__file__).resolve().parents[1]
STAND_IN = REPOSITORY / "tests" / "components" / "judgement" / "stand_in_arm.py"
MODES = ("Standard", "Knative")
CHAMPION = "kfp-lifecycle/champion-version"
# Quick, so that the figures are those of the release and not of a kubelet that looks once a second.
_TIMINGS = Timings(relist=0.25, probe=0.25, back_off=1.0, progress_deadline=60.0, grace=3.0)


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster with MLflow and stand-in model servers; this process's environment is that of its steps."""
    state = StateFolder.at(folder)
    command = (sys.executable, str(STAND_IN))
    lifecycle.up(state, ClusterSettings(serve_command=command, timings=_TIMINGS), tell=lambda _: None)
    try:
        cluster = Cluster(state)
        os.environ.update(cluster.environment())
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        yield cluster
        cluster.close()
    finally:
        lifecycle.down(state, tell=lambda _: None)


@contextmanager
def disturbed_state(cluster: Cluster, folder: Path, writes: Writes) -> Iterator[Path]:
    """A state folder whose steps talk to the cluster through proxies."""
    folder.mkdir()
    kubeconfig = folder / "kubeconfig-steps"
    with WriteProxy(cluster.mlflow_url, writes) as mlflow, WriteProxy(cluster.kubernetes_url, writes) as kubernetes:
        variables = {**cluster.environment(), "MLFLOW_TRACKING_URI": mlflow.url, "KUBECONFIG": str(kubeconfig)}
        (folder / "environment.json").write_text(json.dumps(variables))
        content = yaml.safe_load(cluster.kubeconfig_steps.read_text())
        for entry in content["clusters"]:
            entry["cluster"] = {"server": kubernetes.url}
        kubeconfig.write_text(yaml.safe_dump(content))
        yield folder


@dataclass
class File:
    """What a step sees of a KFP artifact."""

    path: str
    uri: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def call(step: Callable[..., tuple[str]], **arguments: Any) -> tuple[str, tuple[str, ...]]:
    """Call a step in this process; its outcome and reasons."""
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        decision, report = (File(str(Path(folder) / name)) for name in ("decision.json", "report.html"))
        (outcome,) = step(decision=decision, report=report, **arguments)
        return outcome, tuple(load_decision(decision.path).reasons)


@dataclass
class Service:
    """A service and the registered model of the same name."""

    cluster: Cluster
    mode: str
    name: str
    versions: dict[str, dict[str, str]] = field(default_factory=dict)

    def register(self, **behaviour: Any) -> dict[str, str]:
        """Another version, as register leaves it: uri, digest and version, as arguments of deploy."""
        registry = MlflowClient(self.cluster.mlflow_url)
        draft = self.cluster.state.models / f"draft-{uuid.uuid4().hex}"
        draft.mkdir(parents=True)
        columns = (Column("age", "number", True), Column("plan", "category", False))
        save_signature(Signature("classification", "left", (0, 1), columns, "sklearn.dummy.DummyClassifier"), draft)
        (draft / "input_example.json").write_text('{"columns": ["age", "plan"], "data": [[1, "a"]]}')
        (draft / "model.skops").write_text(draft.name)
        digest = checksums.write_checksums(draft)
        target = self.cluster.state.models / self.name / digest
        target.parent.mkdir(exist_ok=True)
        draft.rename(target)
        logged = registry.create_logged_model(experiment_id="0")
        registry.finalize_logged_model(logged.model_id, "READY")
        tags = {"kfp-lifecycle.content_key": digest, mlflow_registry.DIGEST: digest}
        made = mlflow_registry.register(
            registry,
            self.name,
            digest,
            model_id=logged.model_id,
            run_id="",
            tags={**tags, mlflow_registry.URI: target.as_uri()},
        )
        self.versions[made.version] = {"version": made.version, "uri": target.as_uri(), "digest": digest}
        self.behave(made.version, **behaviour)
        return self.versions[made.version]

    def behave(self, version: str, **behaviour: Any) -> None:
        """How the version's server answers from the next request on, and how it starts the next time."""
        file = self.cluster.state.models / self.name / f"{self.versions[version]['digest']}.json"
        spare = file.with_suffix(".new")
        spare.write_text(json.dumps(behaviour))
        spare.replace(file)

    def revision(self, number: int) -> str:
        """The arm or revision of the number-th release, as the gateway names it."""
        return f"{self.name}-v{number}-predictor" if self.mode == "Standard" else f"{self.name}-predictor-{number:05d}"

    def champion(self) -> str:
        return str(self.cluster.get(self.name)["metadata"]["annotations"].get(CHAMPION, ""))

    def alias(self) -> str:
        return mlflow_registry.alias_version(MlflowClient(self.cluster.mlflow_url), self.name, "champion")

    def releases(self) -> list[dict[str, Any]]:
        """The release record, the newest last."""
        found = self.cluster.objects.get("ConfigMap", "default", self._record)
        return list(json.loads(found["data"]["record.json"])["releases"]) if found else []

    def expire(self) -> bool:
        """As administrator, as if the holder of the open release were silent for years; whether one was open."""
        found = self.cluster.objects.get("ConfigMap", "default", self._record)
        record = json.loads(found["data"]["record.json"]) if found else {"releases": []}
        if not record["releases"] or record["releases"][-1]["finished_at"]:
            return False
        record["releases"][-1]["expires_at"] = "2020-01-01T00:00:00Z"
        change = {"data": {"record.json": json.dumps(record)}}
        self.cluster.objects.merge("ConfigMap", "default", self._record, change)
        return True

    def problems(self) -> list[str]:
        """Where service, record, alias and answers do not agree on one champion that stands alone."""
        found = []
        try:
            self.cluster.wait_ready(self.name, timeout=60)
        except TimeoutError as error:
            found.append(str(error))
        spec, champion, releases = self.cluster.get(self.name)["spec"], self.champion(), self.releases()
        answers = [self.cluster.send(self.name, {"inputs": []}) for _ in range(40)]
        served = {(each.status, each.headers.get("x-model-version")) for each in answers}
        if served != {(200, champion)}:
            found.append(f"the champion is {champion}, answers are {sorted(served, key=str)}")
        if "canary" in spec or "canaryTrafficPercent" in spec["predictor"]:
            found.append("a canary stands")
        if open_ones := [each["epoch"] for each in releases if not each["finished_at"]]:
            found.append(f"releases {open_ones} are open")
        recorded = [each["to_version"] for each in releases if each["state"] in ("serving", "promoted")]
        if recorded[-1:] != [champion]:
            found.append(f"the record's champion is {recorded[-1:]}, the annotation's {champion}")
        if self.alias() != champion:
            found.append(f"alias champion is {self.alias()}, annotation {champion}")
        return found

    def delete(self) -> None:
        """Service and record, so that no later sweep sees them."""
        if found := self.cluster.objects.get("ConfigMap", "default", self._record):
            self.cluster.objects.delete(found)
        self.cluster.delete(self.name)

    @property
    def _record(self) -> str:
        return f"kfp-lifecycle-release-{self.name}"
