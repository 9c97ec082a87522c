"""Does the doctor tell whether MLflow takes models and aliases, and leave the registry as it was?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.cli.doctor.stand_in import Api, Doctor, Request

from kfp_lifecycle.adapters import mlflow_connection, registry_probe
from kfp_lifecycle.cli.doctor_checks.registry import judge_version
from kfp_lifecycle.core.diagnosis import Level
from kfp_lifecycle.local.testing import ClusterFactory

pytestmark = pytest.mark.xdist_group("doctor")
MODELS = "/api/2.0/mlflow/registered-models"


@pytest.fixture(scope="module")
def server(local_cluster: ClusterFactory) -> str:
    return local_cluster(mlflow=True).mlflow_url


@pytest.fixture
def mlflow(server: str, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    return server


@pytest.fixture
def proxy(api: Api, server: str) -> Iterator[Api]:
    """The real server behind an address where a test may come between."""

    def forward(request: Request) -> tuple[int, str]:
        answer = httpx.request(
            request.method, f"{server}{request.path}?{request.query}", json=request.body, timeout=30
        )  # fmt: skip
        return answer.status_code, answer.text

    for path in ("create", "delete", "search", "alias", "get"):
        api.paths[f"{MODELS}/{path}"] = forward
    api.paths["/api/2.0/mlflow/model-versions/create"] = forward
    api.paths["/version"] = forward
    yield api


def left(server: str) -> list[str]:
    answer = httpx.get(f"{server}{MODELS}/search", params={"filter": "name LIKE 'kfp-lifecycle-doctor-%'"}).json()
    return [each["name"] for each in answer.get("registered_models", [])]


def test_a_real_server_is_ok_and_left_as_it_was(mlflow: str, doctor: Doctor) -> None:
    found = doctor()
    assert found.of("mlflow")["text"].endswith(f" at {mlflow}")
    assert found.level("mlflow") == found.level("mlflow registry") == "ok"
    assert "removed it again" in found.of("mlflow registry")["text"]
    assert left(mlflow) == []


def test_a_database_in_place_of_a_server_is_a_warning(
    doctor: Doctor, mlflow_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_store)
    found = doctor()
    assert found.level("mlflow") == "warning"
    assert "so that all pods reach it" in found.of("mlflow")["remedy"]
    assert found.level("mlflow registry") == "ok"


def test_reading_only_makes_nothing(proxy: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.url)
    found = doctor("--read-only").of("mlflow registry")
    assert found["level"] == "warning"
    assert found["remedy"] == "Run the doctor without --read-only."
    assert {each.method for each in proxy.asked} == {"GET"}


def test_without_a_server_the_failure_names_the_setting(doctor: Doctor) -> None:
    found = doctor()
    assert found.level("mlflow") == "failure"
    assert "Set the key MLFLOW_TRACKING_URI" in found.of("mlflow")["remedy"]
    assert found.of("mlflow registry")["remedy"] == "Repair 'mlflow' first."


def test_credentials_that_are_refused_fail_without_being_printed(
    api: Api, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.paths["/version"] = "3.17.2"
    api.paths[f"{MODELS}/search"] = (401, "You are not authenticated.")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", api.url.replace("//", "//somebody:url-password-of-the-test@"))
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "somebody")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "password-of-the-test")
    found = doctor()
    assert found.level("mlflow") == "failure"
    assert "MLFLOW_TRACKING_PASSWORD" in found.of("mlflow")["remedy"]
    assert "password-of-the-test" not in found.text


@pytest.mark.parametrize(
    ("path", "what"),
    [
        (f"{MODELS}/create", "create a registered model"),
        ("/api/2.0/mlflow/model-versions/create", "create a model version"),
        (f"{MODELS}/alias", "set an alias"),
    ],
)
def test_a_right_that_is_missing_is_named_and_the_probe_removed(
    proxy: Api, server: str, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, path: str, what: str
) -> None:
    proxy.paths[path] = (403, {"error_code": "PERMISSION_DENIED", "message": "Permission denied"})
    monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.url)
    found = doctor().of("mlflow registry")
    assert found["level"] == "failure"
    assert found["text"].startswith(f"cannot {what}: PERMISSION_DENIED")
    assert "the right to create registered models" in found["remedy"]
    assert left(server) == []


def test_a_probe_that_may_not_be_removed_is_named(
    proxy: Api, server: str, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.paths[f"{MODELS}/delete"] = (403, {"error_code": "PERMISSION_DENIED", "message": "Permission denied"})
    monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.url)
    found = doctor().of("mlflow registry")
    [name] = left(server)
    assert found["level"] == "warning"
    assert found["remedy"].startswith(f"Remove the registered model {name!r} by hand")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    registry_probe.remove(mlflow_connection.connect(), name)


def test_what_a_killed_doctor_left_is_removed_after_an_hour(mlflow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = mlflow_connection.connect()
    name = registry_probe.reserved_name()
    client.create_registered_model(name)
    assert registry_probe.remove_abandoned(client) == []
    monkeypatch.setattr(registry_probe, "_ABANDONED_SECONDS", -60)
    assert registry_probe.remove_abandoned(client) == [name]
    assert left(mlflow) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_doctor_removes_its_probe_first(
    proxy: Api, server: str, tmp_path: Path, number: signal.Signals
) -> None:
    versions, reached, go = "/api/2.0/mlflow/model-versions/create", threading.Event(), threading.Event()
    forward = proxy.paths[versions]

    def held(request: Request) -> Any:
        reached.set()
        go.wait(30)
        return forward(request)

    proxy.paths[versions] = held
    command = [sys.executable, "-P", "-m", "kfp_lifecycle.cli", "doctor", "--state", str(tmp_path / "state")]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": proxy.url, "KUBECONFIG": str(tmp_path / "absent")}
    # A shell starts its background jobs with SIGINT ignored, and whatever they start inherits that.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=heard) as process:
        assert reached.wait(60)
        assert len(left(server)) == 1
        process.send_signal(number)
        threading.Timer(0.5, go.set).start()
        assert process.wait(30) == 130
        assert process.stderr
        assert "interrupted; what it had made is removed" in process.stderr.read()
    assert left(server) == []


def test_an_old_server_fails_and_a_new_one_is_ok() -> None:
    assert judge_version("mlflow", "3.17.2", "http://m").level is Level.OK
    assert judge_version("mlflow", "2.22.0", "http://m").remedy == "Upgrade the server to MLflow 3.0 or later."
    assert judge_version("mlflow", "", "sqlite:///x").level is Level.WARNING
