"""Trigger servers as processes, beside a Kubernetes API and a KFP API that fails when told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from kubernetes import client, config
from tests.adapters.conftest import kubernetes_server, write_kubeconfig
from tests.adapters.stand_in_kfp import StandInKfp

from kfp_lifecycle.adapters.reservations import LABEL
from kfp_lifecycle.local.kubernetes_api import Server
from kfp_lifecycle.local.testing import Cluster, local_cluster

__all__ = ["local_cluster"]

ROLE = Path(__file__).parents[2] / "kserve" / "manifests" / "trigger-server.yaml"
LEASE = 3  # seconds; a server may die between its reservation and its start
COMMAND = ("-m", "kfp_lifecycle.cli", "trigger-server")
# The command takes no lease that is as short.
HASTY = """
import argparse, sys
from kfp_lifecycle.cli import trigger_server
parser = argparse.ArgumentParser()
trigger_server.add_parser(parser.add_subparsers())
sys.exit(trigger_server.run(parser.parse_args(["trigger-server", *sys.argv[1:]]), shortest_lease=1))
"""
SECRET = "a-secret-of-at-least-sixteen-characters"
RULES = {
    "version": 1,
    "rules": [
        {
            "name": "drift",
            "kind": "alertmanager",
            "match": {"source": "kfp", "labels": {"alertname": "Drift"}},
            "pipeline": "retrain",
            "parameters": {"model": "{labels.model}"},
        },
        {
            "name": "new-data",
            "kind": "cloudevents",
            "match": {"type": "com.example.data.arrived", "source": "/lake"},
            "pipeline": "retrain",
            "parameters": {"model": "{data.model}"},
        },
        {
            "name": "wrong-pipeline",
            "kind": "cloudevents",
            "match": {"type": "com.example.wrong"},
            "pipeline": "never-uploaded",
        },
        {
            "name": "degraded",
            "kind": "cloudevents",
            "match": {"type": "com.example.degraded"},
            "pipeline": "retrain",
            "parameters": {"model": "{data.model}"},
            "retrain": {"model_name": "{data.model}", "window": "{data.window}", "environment": "{data.stage}"},
        },
    ],
}


class TriggerServer:
    """One process of the command ``trigger-server``."""

    def __init__(
        self, environment: dict[str, str], arguments: list[str], log: Path, command: Sequence[str] = COMMAND
    ) -> None:
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, *command, *arguments],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self.process.stdout
        line = self.process.stdout.readline().decode()
        assert line.startswith("listening on "), log.read_text()
        self.url = line.split()[-1]
        self.client = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {SECRET}"}, timeout=60, trust_env=False
        )

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def alert(self, content: dict | None = None, **labels: str) -> httpx.Response:
        return self.client.post("/alertmanager", json=content or alert_group(**labels))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        assert self.process.stdout
        self.process.stdout.close()
        self._log.close()


def alert_group(status: str = "firing", receiver: str = "kfp", starts: str = "2026-11-24T06:00:00Z", **labels: str):
    """What Alertmanager 0.28 posts for a group of one alert."""
    known = {"alertname": "Drift", "model": "churn", **labels}
    return {
        "receiver": receiver,
        "status": status,
        "alerts": [
            {
                "status": status,
                "labels": known,
                "annotations": {"summary": "The data has moved."},
                "startsAt": starts,
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://prometheus.example/graph",
                "fingerprint": f"{abs(hash(tuple(sorted(known.items())))):016x}",
            }
        ],
        "groupLabels": {"alertname": "Drift"},
        "commonLabels": known,
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "version": "4",
        "groupKey": '{}:{alertname="Drift"}',
        "truncatedAlerts": 0,
    }


class Stage:
    """What the servers of a module share; ``clear`` makes it new for a test."""

    def __init__(self, folder: Path, kubernetes: Server) -> None:
        self.folder, self.kfp = folder, StandInKfp()
        self.kubeconfig = write_kubeconfig(folder / "kubeconfig", kubernetes.url)
        self.mapping, self.secret = folder / "triggers.yaml", folder / "secret"
        self.mapping.write_text(yaml.safe_dump(RULES), encoding="utf-8")
        self.servers: list[TriggerServer] = []
        self.clear()

    def start(self, *arguments: str, token: bool = True, **environment: str) -> TriggerServer:
        """A server on the stand-in KFP, or on the one that the environment names."""
        settings = {"KUBECONFIG": self.kubeconfig, "KF_PIPELINES_ENDPOINT": self.kfp.url, **environment}
        given = ["--config", str(self.mapping), "--port", "0", *arguments]
        given += ["--token-file", str(self.secret)] if token else []
        log = self.folder / f"server-{len(self.servers)}.log"
        self.servers.append(TriggerServer(settings, given, log))
        return self.servers[-1]

    def clear(self) -> None:
        """No runs, no reservations, no faults."""
        self.kfp.forget()
        self.secret.write_text(SECRET + "\n", encoding="utf-8")
        api = client.CoreV1Api(config.new_client_from_config(self.kubeconfig))
        api.delete_collection_namespaced_config_map("team", label_selector=LABEL)

    def close(self) -> None:
        for server in self.servers:
            server.close()
        self.kfp.close()


@pytest.fixture(scope="module")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("triggers")
    with kubernetes_server(folder) as kubernetes:
        made = Stage(folder, kubernetes)
        yield made
        made.close()


@pytest.fixture
def stage(_stage: Stage) -> Stage:
    _stage.clear()
    return _stage


@pytest.fixture(scope="module")
def _server(_stage: Stage) -> TriggerServer:
    return _stage.start()


@pytest.fixture
def server(_server: TriggerServer, stage: Stage) -> TriggerServer:
    """One that runs for all tests of a module."""
    return _server


@pytest.fixture
def stand_in_kfp(stage: Stage) -> StandInKfp:
    return stage.kfp


@pytest.fixture(scope="session")
def cluster(local_cluster: Callable[..., Cluster], tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    made = local_cluster(kfp=True, role=ROLE)
    package = tmp_path_factory.mktemp("package") / "retrain.yaml"
    subprocess.run([sys.executable, str(Path(__file__).with_name("echo_pipeline.py")), str(package)], check=True)
    made.kfp_client().upload_pipeline(str(package), pipeline_name="retrain")
    return made


@pytest.fixture
def servers(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[..., TriggerServer]]:
    """Start servers on the local cluster, or where the environment given says."""
    mapping, secret = tmp_path / "triggers.yaml", tmp_path / "secret"
    mapping.write_text(yaml.safe_dump(RULES), encoding="utf-8")
    secret.write_text(SECRET, encoding="utf-8")
    made: list[TriggerServer] = []

    def start(**environment: str) -> TriggerServer:
        arguments = ["--config", str(mapping), "--port", "0", "--token-file", str(secret), "--lease", str(LEASE)]
        settings, log = {**cluster.environment(), **environment}, tmp_path / f"{len(made)}.log"
        made.append(TriggerServer(settings, arguments, log, ("-c", HASTY)))
        return made[-1]

    yield start
    for server in made:
        server.close()


def runs(cluster: Cluster, model: str) -> list[Any]:
    found = cluster.kfp_client().list_runs(page_size=100).runs or []
    return [run for run in found if run.runtime_config.parameters.get("model") == model]
