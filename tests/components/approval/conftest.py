"""A canary that its judge would promote, and a step that waits for a human's word on it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.components.stage.registered import Registered
from tests.components.stage.world import World

from kfp_lifecycle.components.approval.approval import approve
from kfp_lifecycle.core import approval

STEP = """
import sys
from dataclasses import make_dataclass
from kfp_lifecycle.components.approval.approval import approve
File = make_dataclass("File", ["path", "uri", "metadata"])
approve(service=sys.argv[1], version="2", run_id=sys.argv[3], check_seconds=0.1, timeout_seconds=float(sys.argv[4]),
        source="annotation",
        decision=File(sys.argv[2] + "/decision.json", "", {}), report=File(sys.argv[2] + "/report.html", "", {}))
"""


@dataclass
class Waiting:
    """A release that waits, as a human meets it."""

    world: World
    registered: Registered

    def release(self) -> dict[str, Any]:
        """The newest release of the record."""
        record = self.world.record()
        assert record
        newest: dict[str, Any] = record["releases"][-1]
        return newest

    def asked(self) -> dict[str, Any]:
        """What the gate asks for, once it does."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if kept := self.release()["evidence"].get(approval.EVIDENCE):
                return dict(kept)
            time.sleep(0.02)
        raise AssertionError("the gate did not open")

    def line(self, verdict: str = "approved", by: str = "Ann Lee", **changed: str) -> str:
        """An answer for the release that waits."""
        meant = {"version": "2", "ticket": self.asked()["ticket"], **changed}
        return f"{verdict} version {meant['version']} release {meant['ticket']} by {by}"

    def annotate(self, text: str) -> None:
        """As ``kubectl annotate --overwrite`` does."""
        body = {"metadata": {"annotations": {approval.ANNOTATION: text}}}
        self.world.call("PATCH", self.path, body, "application/merge-patch+json")

    def tag(self, text: str) -> None:
        """As a user of MLflow's pages does."""
        self.registered.client.set_model_version_tag(self.registered.name, "2", approval.TAG, text)

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{self.world.namespace}/configmaps/kfp-lifecycle-release-{self.world.service}"


@pytest.fixture
def waiting(world: World, registered: Registered, release: Callable[..., Any]) -> Waiting:
    """Version 2 is a canary beside version 1."""
    release(**registered.version())
    assert release(**registered.version(), run_id="run-2")[0] == "canary"
    return Waiting(world, registered)


@pytest.fixture
def approved(waiting: Waiting, call: Callable[..., Any]) -> Callable[..., tuple[str, Any]]:
    """Wait in this process; outcome and decision."""

    def run(**arguments: Any) -> tuple[str, Any]:
        values = {"service": waiting.world.service, "version": "2", "check_seconds": 0.1, "timeout_seconds": 30}
        outcome: tuple[str, Any] = call(approve, **{**values, "run_id": "run-2", **arguments})
        return outcome

    return run


@pytest.fixture
def process(waiting: Waiting, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Wait in a process of its own."""

    def start(run_id: str = "run-2", seconds: float = 30) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", STEP, waiting.world.service, str(tmp_path), run_id, str(seconds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start
