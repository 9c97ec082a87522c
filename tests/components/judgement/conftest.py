"""A champion and its canary on the local cluster, with the release record that deploy leaves."""

from __future__ import annotations

import html
import json
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kfp_lifecycle.adapters import kubernetes_connection, release_records
from kfp_lifecycle.adapters.release_records import StoredRecord
from kfp_lifecycle.components.judgement.judgement import judge
from kfp_lifecycle.core import checksums, release, service_manifests
from kfp_lifecycle.core.decision import SavedDecision, load_decision
from kfp_lifecycle.core.inference_service import Mode
from kfp_lifecycle.core.release import ReleaseRecord
from kfp_lifecycle.core.signature import Column, Signature, save_signature
from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.testing import local_cluster

__all__ = ["local_cluster"]
STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in_arm.py")))
FAST = {"check_seconds": 0.5, "deadline_seconds": 60, "min_requests": 100, "slo_milliseconds": 250.0}


@dataclass
class File:
    """What the step sees of a KFP artifact."""

    path: str
    uri: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class Staged:
    """A service with a canary that waits for its judge."""

    cluster: Cluster
    mode: Mode
    name: str
    folder: Path

    @property
    def stable(self) -> str:
        return f"{self.name}-v1-predictor" if self.mode is Mode.STANDARD else f"{self.name}-predictor-00001"

    @property
    def canary(self) -> str:
        return f"{self.name}-v2-predictor" if self.mode is Mode.STANDARD else f"{self.name}-predictor-00002"

    def behave(self, version: str, **behaviour: Any) -> None:
        """From the next request on."""
        file = self.folder / f"{version}.json"
        spare = file.with_suffix(".new")
        spare.write_text(json.dumps(behaviour))
        spare.replace(file)

    def weight(self) -> int:
        return self.cluster.weights(self.name).get(self.canary, 0)

    def record(self) -> ReleaseRecord:
        found = release_records.read(kubernetes_connection.connect(), self.name, "default")
        assert found
        return found.record


def _model(folder: Path) -> tuple[str, str]:
    folder.mkdir(parents=True)
    columns = (Column("age", "number", True), Column("plan", "category", False))
    save_signature(Signature("classification", "left", (0, 1), columns, "sklearn.dummy.DummyClassifier"), folder)
    (folder / "input_example.json").write_text('{"columns": ["age", "plan"], "data": [[1, "a"]]}')
    (folder / "model.skops").write_text(folder.name)
    return folder.as_uri(), checksums.write_checksums(folder)


def _predictor(mode: Mode, version: str, uri: str, digest: str) -> dict[str, Any]:
    return service_manifests.predictor(
        mode, arm_name=f"v{version}", version=version, digest=digest, uri=uri, runtime="kfp-lifecycle-serve"
    )


@pytest.fixture(params=["Standard", "Knative"])
def mode(request: pytest.FixtureRequest) -> Mode:
    return Mode(request.param)


@pytest.fixture
def stage(local_cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Staged]]:
    """Put version 2 beside version 1 with a share of 10 %."""
    made: list[Staged] = []
    cluster: Cluster = local_cluster(serve_command=STAND_IN)
    for name, value in cluster.environment().items():
        monkeypatch.setenv(name, value)

    def put(mode: Mode, *, percent: int = 10) -> Staged:
        staged = Staged(cluster, mode, f"judged-{uuid.uuid4().hex[:6]}", cluster.state.models / uuid.uuid4().hex)
        made.append(staged)
        models = {version: _model(staged.folder / version) for version in ("1", "2")}
        for version in models:
            staged.behave(version)
        stable, candidate = (_predictor(mode, version, *model) for version, model in models.items())
        previous = service_manifests.stable_spec(stable)
        _apply(staged, previous)
        _apply(staged, service_manifests.canary_spec(mode, stable, candidate, percent))
        now = datetime.now(UTC)
        later = now + timedelta(hours=1)
        uri, digest = models["2"]
        record = release.start(
            ReleaseRecord(staged.name, "churn"), run_id="deploy", from_version="1", to_version="2", digest=digest,
            uri=uri, weight=percent, previous_spec=previous, now=now, expires_at=later, evidence={"arm": "v2"},
        )  # fmt: skip
        record = release.applied(record, 1)
        record = release.serving(record, 1, now=now, expires_at=later, finished=False, evidence={})
        empty = StoredRecord(ReleaseRecord(staged.name, "churn"), "")
        release_records.write(kubernetes_connection.connect(), "default", empty, record)
        return staged

    yield put
    for staged in made:
        cluster.delete(staged.name)


def _apply(staged: Staged, spec: dict[str, Any]) -> None:
    manifest = service_manifests.manifest(
        service=staged.name, namespace="default", mode=staged.mode, model="churn", spec=spec, champion_version="1"
    )
    staged.cluster.apply(manifest, manager="kfp-lifecycle")
    staged.cluster.wait_ready(staged.name)


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., tuple[str, SavedDecision]]:
    """Judge in this process; outcome and decision."""

    def call(staged: Staged, **arguments: Any) -> tuple[str, SavedDecision]:
        decision, report = File(str(tmp_path / "decision.json")), File(str(tmp_path / "report.html"))
        values = {"service": staged.name, "version": "2", "namespace": "default", "run_id": "run", **FAST, **arguments}
        (outcome,) = judge(decision=decision, report=report, **values)
        made = load_decision(decision.path)
        assert made.outcome == outcome
        assert made.reasons[0] in html.unescape(Path(report.path).read_text())
        return outcome, made

    return call


@pytest.fixture
def artifact() -> type[File]:
    return File
