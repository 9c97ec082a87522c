"""An HTTP API that answers what it is told, in the shapes of the real ones, and a doctor to ask it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.core import settings

KFP_HEALTH = "/apis/v2beta1/healthz"
KSERVE = "/apis/serving.kserve.io/v1beta1"
CONFIG = "/api/v1/namespaces/kserve/configmaps/inferenceservice-config"
CONTROLLER = "/apis/apps/v1/namespaces/kserve/deployments/kserve-controller-manager"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any


@dataclass
class Api:
    """Paths and what they answer: JSON for 200, or a pair of status and body; else 404. ``hang`` answers nothing."""

    paths: dict[str, Any] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    hang: bool = False
    url: str = ""

    def start(self) -> Callable[[], None]:
        api, over = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path, _, query = self.path.partition("?")
                body = json.loads(raw) if raw else None
                api.asked.append(Request(self.command, path, query, dict(self.headers), body))
                if api.hang:
                    over.wait()
                    return
                found = api.paths.get(path, (404, {"kind": "Status", "code": 404, "message": f"{path} not found"}))
                found = found(api.asked[-1]) if callable(found) else found
                status, content = found if isinstance(found, tuple) else (200, found)
                text = content if isinstance(content, str) else json.dumps(content)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()

        def stop() -> None:
            over.set()
            server.shutdown()
            thread.join()
            server.server_close()

        return stop


def resources(*names: str) -> dict[str, Any]:
    """A discovery document."""
    return {"kind": "APIResourceList", "resources": [{"name": name} for name in names]}


def allowed(request: Request) -> tuple[int, dict[str, Any]]:
    """A SelfSubjectAccessReview that says yes."""
    return 201, {**request.body, "status": {"allowed": True}}


def config_map(**sections: Any) -> dict[str, Any]:
    """KServe's ConfigMap; each section is JSON."""
    return {"metadata": {"name": "x"}, "data": {name: json.dumps(value) for name, value in sections.items()}}


def kserve_config(**changes: Any) -> dict[str, Any]:
    """One that suits, but for the changes of its sections."""
    sections = {
        "deploy": {"defaultDeploymentMode": "Standard"},
        "inferenceService": {"serviceAnnotationDisallowedList": ["kfp-lifecycle/champion-version"]},
        "ingress": {"enableGatewayApi": True, "ingressDomain": "example.com"},
        "storageInitializer": {"image": "kserve/storage-initializer:v0.21.0"},
    }
    return config_map(**{**sections, **changes})


def good_cluster() -> dict[str, Any]:
    """What a Kubernetes with KServe 0.21 in Standard mode and our manifests answers."""
    return {
        "/version": {"gitVersion": "v1.36.0"},
        "/api/v1/namespaces/team": {"metadata": {"name": "team"}},
        REVIEWS: allowed,
        KSERVE: resources("inferenceservices", "inferenceservices/status"),
        f"{KSERVE}/namespaces/team/inferenceservices": lambda request: (201, request.body),
        "/apis/gateway.networking.k8s.io/v1": resources("gateways", "httproutes"),
        CONFIG: kserve_config(),
        CONTROLLER: {"spec": {"template": {"spec": {"containers": [{"image": "kserve/kserve-controller:v0.21.0"}]}}}},
        "/apis/serving.kserve.io/v1alpha1/namespaces/team/servingruntimes/kfp-lifecycle-serve": {"metadata": {}},
    }


def write_kubeconfig(path: Path, url: str, namespace: str = "team") -> Path:
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "x",
                "clusters": [{"name": "x", "cluster": {"server": url}}],
                "users": [{"name": "x", "user": {"token": "kubernetes-token-of-the-test"}}],
                "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x", "namespace": namespace}}],
            }
        )
    )
    return path


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor said."""

    code: int
    text: str
    findings: list[dict[str, str]]

    def of(self, name: str) -> dict[str, str]:
        """The one finding of this name."""
        [found] = self.all_of(name)
        return found

    def all_of(self, name: str) -> list[dict[str, str]]:
        return [each for each in self.findings if each["name"] == name]

    def level(self, name: str) -> str:
        return self.of(name)["level"]


Doctor = Callable[..., Diagnosis]


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Doctor]:
    """Run the command with no settings but those given by ``monkeypatch`` after this fixture.

    KUBECONFIG names a server that is no Kubernetes.
    """
    nothing = Api()
    stop = nothing.start()
    for name in (*settings.FROM_CONFIG_MAP, *settings.FROM_SECRET, settings.KFP_ENDPOINT, settings.KFP_TOKEN_FILE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "nothing", nothing.url)))

    def run(*arguments: str) -> Diagnosis:
        state = () if "--state" in arguments else ("--state", str(tmp_path / "state"))
        code = main(["doctor", "--json", *state, *arguments])
        text = capsys.readouterr().out
        return Diagnosis(code, text, json.loads(text)["findings"])

    yield run
    stop()


@pytest.fixture
def api() -> Iterator[Api]:
    """A stand-in that knows nothing yet."""
    made = Api()
    stop = made.start()
    yield made
    stop()


@pytest.fixture
def kubernetes(api: Api, tmp_path: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A Kubernetes that suits, which KUBECONFIG names."""
    api.paths = good_cluster()
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "kubeconfig", api.url)))
    return api
