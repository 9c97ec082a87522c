"""The KFP API as a part of the local cluster."""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import kfp_server_api
import pytest
from kubernetes.client import CoreV1Api
from tests.local.conftest import STAND_IN
from tests.local.kfp_api.serving import client, refused

from kfp_lifecycle.adapters import kfp_connection
from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.local import kfp_server
from kfp_lifecycle.local.testing import Cluster, ClusterFactory

AUDIENCE = "pipelines.kubeflow.org"
Issue = Callable[[list[str]], str]


@pytest.fixture(scope="module")
def plain(local_cluster: ClusterFactory) -> Cluster:
    """A cluster of this module's own, because its API is killed here."""
    return local_cluster(serve_command=STAND_IN, kfp=True, fresh=True)


@pytest.fixture(scope="module")
def guarded(local_cluster: ClusterFactory) -> Cluster:
    return local_cluster(serve_command=STAND_IN, kfp=True, kfp_tokens=True)


@pytest.fixture
def issue(guarded: Cluster) -> Issue:
    """Asks the Kubernetes API for a token of the steps' service account."""

    def issued(audiences: list[str]) -> str:
        body = {"spec": {"audiences": audiences, "expirationSeconds": 600}}
        api = CoreV1Api(guarded.client())
        answer = api.create_namespaced_service_account_token("default-editor", "default", body)
        return str(answer.status.token)

    return issued


def test_the_api_comes_up_with_the_cluster_and_is_shown(plain: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert plain.environment()["KF_PIPELINES_ENDPOINT"] == plain.kfp_url
    assert "KF_PIPELINES_SA_TOKEN_PATH" not in plain.environment()
    assert plain.kfp_client().get_kfp_healthz().multi_user is False
    assert main(["local", "status", "--state", str(plain.state.path)]) == 0
    assert f"kfp          {plain.kfp_url}" in capsys.readouterr().out
    assert main(["local", "status", "--json", "--state", str(plain.state.path)]) == 0
    assert json.loads(capsys.readouterr().out)["urls"]["kfp"] == plain.kfp_url
    assert stat.S_IMODE(plain.state["kfp.sqlite"].stat().st_mode) == 0o600


def test_a_killed_api_is_started_again_at_the_same_address_with_what_it_held(plain: Cluster, package: Path) -> None:
    made = plain.kfp_client().upload_pipeline(str(package), "kept")
    before = plain.pids()["kfp"]
    os.kill(before, signal.SIGKILL)
    plain.wait(lambda: plain.pids()["kfp"] not in (0, before), "another process")
    plain.wait(lambda: kfp_server.is_ready(plain.kfp_url), "it answers")
    assert plain.kfp_client().get_pipeline(made.pipeline_id) == made


def test_a_step_finds_a_token_that_the_api_takes(guarded: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = guarded.environment()
    file = Path(variables["KF_PIPELINES_SA_TOKEN_PATH"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    connection = kfp_connection.connect(namespace="default")
    runs = kfp_server_api.RunServiceApi(connection.client)
    found = connection.read("list runs", runs.run_service_list_runs, namespace=connection.namespace)
    assert (connection.namespace, found.total_size or 0) == ("default", 0)


def test_the_official_client_gets_the_token_and_the_namespace(guarded: Cluster, package: Path) -> None:
    api = guarded.kfp_client()
    assert api.get_kfp_healthz().multi_user is True
    assert api.upload_pipeline(str(package), "mine", namespace="default").namespace == "default"
    assert api.create_experiment("trial").namespace == "default"


def test_a_token_of_the_kubernetes_api_is_taken_for_the_right_audience_only(guarded: Cluster, issue: Issue) -> None:
    right = client(guarded.kfp_url, existing_token=issue([AUDIENCE]), namespace="default")
    assert not right.list_recurring_runs(namespace="default").recurring_runs
    for audiences in ([], ["https://kubernetes.default.svc"], ["somebody.else"]):
        wrong = client(guarded.kfp_url, existing_token=issue(audiences), namespace="default")
        with refused(401, AUDIENCE):
            wrong.list_recurring_runs(namespace="default")
    with refused(401, AUDIENCE):
        client(guarded.kfp_url, namespace="default").list_recurring_runs(namespace="default")
