"""What a step gets on this machine, and the MLflow server behind it."""

from __future__ import annotations

import stat
from pathlib import Path

import httpx
import pytest
from kubernetes.client import CustomObjectsApi
from tests.local.conftest import STAND_IN

from kfp_lifecycle.local.environment import environment
from kfp_lifecycle.local.settings import ClusterSettings
from kfp_lifecycle.local.state import StateFolder
from kfp_lifecycle.local.testing import Cluster, ClusterFactory


@pytest.fixture(scope="module")
def with_mlflow(local_cluster: ClusterFactory, role: Path) -> Cluster:
    return local_cluster(serve_command=STAND_IN, role=role, mlflow=True, mode="Knative")


def test_a_step_finds_every_server_in_its_environment(with_mlflow: Cluster) -> None:
    variables = with_mlflow.environment()
    assert variables["KFP_LIFECYCLE_DEPLOYMENT_MODE"] == "Knative"
    assert variables["KFP_LIFECYCLE_GATEWAY_URL"] == with_mlflow.gateway_url
    assert variables["KFP_LIFECYCLE_METRICS"] == "envoy"
    assert variables["KFP_LIFECYCLE_ENVOY_ADMIN_URL"] == with_mlflow.gateway_admin_url
    assert variables["KFP_LIFECYCLE_SERVE_SCHEMES"].endswith(",file")
    assert not [name for name in variables if "PAYLOAD_LOG" in name]
    models = Path(variables["KFP_LIFECYCLE_MODELS_ROOT"])
    assert models.is_dir()
    assert variables["KFP_LIFECYCLE_MODELS_SERVE_ROOT"] == models.as_uri()
    assert stat.S_IMODE(Path(variables["KUBECONFIG"]).stat().st_mode) == 0o600
    api = CustomObjectsApi(with_mlflow.client(steps=True))
    assert api.api_client.configuration.host == with_mlflow.kubernetes_url


def test_mlflow_keeps_runs_and_artifacts_in_the_state_folder(with_mlflow: Cluster) -> None:
    api = httpx.Client(base_url=with_mlflow.environment()["MLFLOW_TRACKING_URI"], timeout=60)
    answer = api.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0", "start_time": 1})
    run = answer.raise_for_status().json()["run"]["info"]
    assert run["artifact_uri"].startswith("mlflow-artifacts:/")
    path = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
    api.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}/note.txt", content=b"kept").raise_for_status()
    stored = with_mlflow.state.path / "mlflow" / "artifacts" / path / "note.txt"
    assert stored.read_bytes() == b"kept"


def test_mlflow_is_one_process_and_refuses_foreign_hosts(with_mlflow: Cluster) -> None:
    import psutil

    assert psutil.Process(with_mlflow.pids()["mlflow"]).children() == []
    foreign = httpx.get(
        f"{with_mlflow.mlflow_url}/api/2.0/mlflow/experiments/get?experiment_id=0",
        headers={"Host": "evil.example.org"},
        timeout=60,
    )
    assert foreign.status_code == 403


def test_deploy_finds_the_folder_of_the_payload_logs_where_they_are_on(tmp_path: Path) -> None:
    state = StateFolder.at(tmp_path)
    given = environment(state, ClusterSettings(payload_log=True), gateway_url="", gateway_admin_url="", mlflow_url="")
    assert given["KFP_LIFECYCLE_PAYLOAD_LOG_URI"] == str(tmp_path / "payloads")
