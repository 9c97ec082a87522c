"""Up, down, and what is left after the worst."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest
from tests.local.conftest import STAND_IN, Services

from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local import lifecycle, processes
from kfp_lifecycle.local.settings import ClusterSettings
from kfp_lifecycle.local.state import StateFolder
from kfp_lifecycle.local.testing import Cluster, quick_timings


@pytest.fixture(scope="module")
def settings(role: Path) -> ClusterSettings:
    return ClusterSettings(mlflow=False, serve_command=STAND_IN, role=str(role), timings=quick_timings())


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFolder]:
    folder = StateFolder.at(tmp_path / "state")
    yield folder
    lifecycle.down(folder)


def up(state: StateFolder, settings: ClusterSettings) -> Cluster:
    lifecycle.up(state, settings)
    return Cluster(state)


@pytest.fixture(scope="module")
def running(
    settings: ClusterSettings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Cluster, ClusterSettings]]:
    """A cluster of this module's own; nobody here ends it."""
    folder = StateFolder.at(tmp_path_factory.mktemp("running"))
    yield up(folder, settings), settings
    lifecycle.down(folder)


def test_a_cluster_survives_a_crash_of_its_supervisor_and_of_everything_and_a_stop(
    state: StateFolder, settings: ClusterSettings, tmp_path: Path
) -> None:
    cluster = up(state, settings)
    services = Services(cluster, tmp_path)
    services.knative("revived", services.predictor("1"))
    services.knative("revived", services.predictor("2"), 20)
    services.standard("kept", services.arm("3"))
    before, addresses = cluster.get("revived"), (cluster.gateway_url, cluster.kubernetes_url)
    for end in (crash_supervisor, crash_everything, stop):
        end(state, cluster)
        assert lifecycle.record(state) is None
        cluster = up(state, settings)
        assert (cluster.gateway_url, cluster.kubernetes_url) == addresses
        after = cluster.wait_ready("revived")
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["status"]["components"] == before["status"]["components"]
        assert {cluster.send("revived", {}).headers["x-model-version"] for _ in range(60)} == {"1", "2"}
        cluster.wait_ready("kept")
        assert cluster.send("kept", {}).headers["x-model-version"] == "3"
        assert (len(cluster.pods("revived")), len(cluster.pods("kept"))) == (2, 1)


def crash_supervisor(state: StateFolder, cluster: Cluster) -> None:
    # Supervisor, Envoy, three model servers, the KFP API and its process that waits for the next run.
    cluster.wait(lambda: len(processes.marked(state.path)) == 7, "seven processes", timeout=20)
    children = processes.marked(state.path)
    os.kill(cluster.pids()["supervisor"], signal.SIGKILL)
    # The kernel ends the children with their parent.
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def crash_everything(state: StateFolder, cluster: Cluster) -> None:
    children = processes.marked(state.path)
    for process in children:
        process.kill()
    psutil.wait_procs(children, timeout=10)
    # Whatever outlives a crash after all is ended by the next up.
    subprocess.Popen(["sleep", "600"], env={**os.environ, processes.MARK: str(state.path)})
    assert len(processes.marked(state.path)) == 1


def stop(state: StateFolder, cluster: Cluster) -> None:
    assert lifecycle.down(state)
    assert processes.marked(state.path) == []
    assert not lifecycle.down(state)


def test_up_twice_is_once_and_other_settings_are_refused(running: tuple[Cluster, ClusterSettings]) -> None:
    cluster, settings = running
    known = lifecycle.record(cluster.state)
    assert lifecycle.up(cluster.state, settings) == known
    with pytest.raises(InputError, match="mode='Knative'.*local down"):
        lifecycle.up(cluster.state, replace(settings, mode="Knative"))
    command = [sys.executable, "-m", "kfp_lifecycle.local.supervisor", "--state", str(cluster.state.path)]
    second = subprocess.run(command, input="{}", capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "another supervisor runs" in second.stdout
    assert lifecycle.record(cluster.state) == known


def test_a_dead_gateway_is_started_again(running: tuple[Cluster, ClusterSettings], tmp_path: Path) -> None:
    cluster, _ = running
    services = Services(cluster, tmp_path)
    services.standard("steady", services.arm("1"))
    before = cluster.pids()["gateway"]
    os.kill(before, signal.SIGKILL)

    def answers() -> bool:
        try:
            return cluster.send("steady", {}).status == 200
        except httpx.TransportError:
            return False

    cluster.wait(lambda: cluster.pids()["gateway"] not in (0, before), "another gateway")
    cluster.wait(answers, "the same routes")


def test_files_that_hold_tokens_are_their_owners_only(running: tuple[Cluster, ClusterSettings]) -> None:
    state = running[0].state
    for name in (
        "kubeconfig",
        "kubeconfig-steps",
        "kubeconfig-controller",
        "tokens.json",
        "tls/server-key.pem",
        "cluster.json",
    ):
        assert stat.S_IMODE(state[name].stat().st_mode) == 0o600, name


def test_a_cluster_that_cannot_start_says_why_and_leaves_nothing(state: StateFolder) -> None:
    with pytest.raises(lifecycle.ClusterError, match=r"no/role.yaml.*see .*supervisor.log"):
        lifecycle.up(state, ClusterSettings(mlflow=False, role="no/role.yaml"))
    assert processes.marked(state.path) == []


def test_the_command_line_brings_it_up_shows_it_and_takes_it_down(
    tmp_path: Path, role: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--state", str(tmp_path / "state")]
    serve = ["--serve-command", " ".join(STAND_IN)]
    assert main(["local", "status", *where]) == 3
    assert main(["local", "up", "--no-mlflow", "--role", str(role), *serve, *where]) == 0
    try:
        shown = capsys.readouterr().out
        assert "gateway" in shown
        assert "export KUBECONFIG=" in shown
        cluster = Cluster(StateFolder.at(tmp_path / "state"))
        services = Services(cluster, tmp_path)
        services.standard("shown", services.arm("1"), services.canary("2", 10))
        assert main(["local", "status", *where]) == 0
        status = capsys.readouterr().out
        assert " 90 %  shown-v1-predictor" in status
        assert "default/shown  Standard  ready=True" in status
        assert main(["local", "logs", "shown-v1", *where]) == 0
        assert "loading" in capsys.readouterr().out
        assert main(["local", "logs", "nothing", *where]) == 1
        listing = subprocess.run(
            ["kubectl", "--kubeconfig", str(cluster.kubeconfig), "get", "inferenceservices", "-A"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert listing.split()[:2] == ["NAMESPACE", "NAME"]
        assert "http://shown-default.example.com" in listing
    finally:
        assert main(["local", "down", *where]) == 0
    assert main(["local", "down", *where]) == 0
    assert capsys.readouterr().out.endswith("nothing ran\n")
