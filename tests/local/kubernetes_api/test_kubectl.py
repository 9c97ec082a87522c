"""Do kubectl's ordinary commands work, over https with a token, as users run them?"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kfp_lifecycle.local.kubernetes_api import Access, Server, Store
from kfp_lifecycle.local.kubernetes_api.certificates import ensure_certificate
from kfp_lifecycle.local.kubernetes_api.kubeconfig import kubeconfig

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
Kubectl = Callable[..., subprocess.CompletedProcess[str]]
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "flights-predictor-1", "namespace": "team", "labels": {"app": "flights"}},
    "spec": {"containers": [{"name": "kserve-container", "image": "predictor"}]},
}


async def log(namespace: str, pod: str, container: str, tail: int | None, follow: bool) -> AsyncIterator[bytes]:
    lines = [f"{namespace}/{pod}/{container} line {i}\n".encode() for i in range(3)]
    for line in lines[-tail:] if tail else lines:
        yield line


@pytest.fixture
def kubectl(tmp_path: Path, access: Access, store: Store) -> Iterator[Kubectl]:
    access.add_token("nobody", "nobody@example.com")
    certificate = ensure_certificate(tmp_path / "tls")
    with Server(store, access, certificate=certificate, logs=log) as server:
        authority = certificate.authority.read_bytes()

        def run(*arguments: str, document: Any = None, token: str = "admin-token") -> subprocess.CompletedProcess[str]:
            config = tmp_path / f"{token}.yaml"
            config.write_text(yaml.safe_dump(kubeconfig(server.url, token, authority=authority, namespace="team")))
            return subprocess.run(
                ["kubectl", f"--kubeconfig={config}", f"--cache-dir={tmp_path / 'cache'}", *arguments],
                input=None if document is None else json.dumps(document),
                capture_output=True,
                text=True,
                timeout=60,
            )

        made = run(
            "create", "-f", "-", document={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
        )
        assert made.returncode == 0, made.stderr
        yield run


def test_get_describe_and_delete_show_and_remove_a_service(kubectl: Kubectl, service: dict[str, Any]) -> None:
    assert "created" in kubectl("apply", "-f", "-", document=service).stdout
    status = {
        "url": "http://flights-team.example.com",
        "conditions": [{"type": "Ready", "status": "True"}],
        "components": {"predictor": {"traffic": [{"latestRevision": True, "percent": 100, "revisionName": "r-1"}]}},
    }
    patch = json.dumps({"status": status})
    kubectl("patch", "isvc", "flights", "--subresource=status", "--type=merge", f"--patch={patch}")
    table = kubectl("get", "inferenceservices", "-A").stdout.splitlines()
    assert table[0].split() == [
        "NAMESPACE", "NAME", "URL", "READY", "PREV", "LATEST", "PREVROLLEDOUTREVISION", "LATESTREADYREVISION", "AGE",
    ]  # fmt: skip
    assert table[1].split()[:6] == ["team", "flights", "http://flights-team.example.com", "True", "100", "r-1"]
    described = kubectl("describe", "isvc", "flights")
    assert "Storage Uri:  s3://m/v1" in described.stdout and described.returncode == 0
    assert kubectl("get", "isvc", "flights", "-o", "jsonpath={.status.url}").stdout == status["url"]
    assert 'inferenceservice.serving.kserve.io "flights" deleted' in kubectl("delete", "isvc", "flights").stdout
    assert kubectl("get", "isvc").stderr.strip() == "No resources found in team namespace."


def test_apply_changes_only_what_changed(kubectl: Kubectl, service: dict[str, Any]) -> None:
    kubectl("apply", "-f", "-", document=service)
    assert "unchanged" in kubectl("apply", "-f", "-", document=service).stdout
    service["spec"]["predictor"]["minReplicas"] = 2
    assert "configured" in kubectl("apply", "-f", "-", document=service).stdout
    service["spec"]["predictor"]["minReplicas"] = 3
    conflict = kubectl("apply", "--server-side", "-f", "-", document=service)
    assert 'conflict with "kubectl-client-side-apply" using serving.kserve.io/v1beta1: .spec.predictor.minReplicas' in (
        conflict.stderr
    )
    forced = kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", document=service)
    assert "serverside-applied" in forced.stdout
    typing_error = {**service, "spec": {"predictor": {"minReplicaz": 1}}}
    assert 'unknown field "spec.predictor.minReplicaz"' in kubectl("apply", "-f", "-", document=typing_error).stderr


def test_pods_are_listed_described_and_their_logs_read(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", document=POD)
    state = {"name": "kserve-container", "ready": True, "restartCount": 2, "image": "predictor", "imageID": "",
             "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}  # fmt: skip
    status = {"status": {"phase": "Running", "containerStatuses": [state]}}
    name = POD["metadata"]["name"]  # type: ignore[index]
    kubectl("patch", "pod", name, "--subresource=status", "--type=merge", f"--patch={json.dumps(status)}")
    assert kubectl("get", "pods", "-l", "app=flights").stdout.splitlines()[1].split()[:4] == [
        name, "1/1", "Running", "2",
    ]  # fmt: skip
    described = kubectl("describe", "pod", name)
    assert described.returncode == 0 and "kserve-container" in described.stdout
    assert kubectl("logs", name, "--tail=2").stdout.splitlines() == [
        f"team/{name}/kserve-container line 1",
        f"team/{name}/kserve-container line 2",
    ]
    assert "container other is not valid" in kubectl("logs", name, "-c", "other").stderr
    assert "does not serve the log option previous" in kubectl("logs", name, "--previous").stderr


def test_a_user_without_rights_is_told_which_one_is_missing(kubectl: Kubectl) -> None:
    refused = kubectl("get", "isvc", token="nobody")
    assert refused.returncode == 1
    assert (
        'User "nobody@example.com" cannot list resource "inferenceservices" in API group "serving.kserve.io" in the '
        'namespace "team"' in refused.stderr
    )


def test_the_certificate_is_kept_and_its_key_is_nobody_elses(tmp_path: Path) -> None:
    first = ensure_certificate(tmp_path)
    before = first.certificate.read_bytes()
    assert ensure_certificate(tmp_path).certificate.read_bytes() == before
    assert first.key.stat().st_mode & 0o077 == 0
    first.certificate.write_text("broken")
    assert ensure_certificate(tmp_path).certificate.read_bytes() not in (before, b"broken")
