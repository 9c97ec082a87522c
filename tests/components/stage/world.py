"""A Kubernetes API with KServe's webhook and the shipped Role, whose controller acts at once and as a test tells it.

The controller and the model servers are stand-ins: after each apply they bring status, HTTPRoute and pods to where a
real cluster would end, so that a test sees every decision of the step without waiting for one process to start. The
tests in test_on_local_cluster.py run against the real controller.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from kfp_lifecycle.core import checksums, inference_service, service_addresses
from kfp_lifecycle.core.inference_service import Mode
from kfp_lifecycle.local.admitted_store import AdmittedStore
from kfp_lifecycle.local.kubernetes_api import Access, Server, rules_from

SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/{}/inferenceservices"
ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes"
REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass
class Behaviour:
    """How model versions and their surroundings behave; a version is named by its number."""

    fails: set[str] = field(default_factory=set)  # cannot be loaded
    never_ready: set[str] = field(default_factory=set)
    answers: dict[str, int] = field(default_factory=dict)  # HTTP status of its predictions, 200 if not named
    no_routes: bool = False
    frozen_routes: bool = False  # they go on as they are, whatever the services ask for


class World:
    """The API, its stand-in controller and the model servers, with what a step's environment says of them."""

    def __init__(self, folder: Path, proxy: Callable[[str], Any]) -> None:
        self.behaviour, self.arms = Behaviour(), dict[str, str]()
        self.namespace, self.service = "team", f"churn-{uuid.uuid4().hex[:6]}"
        access = Access(b"x" * 32)
        access.add_admin("admin")
        access.add_token("steps", "system:serviceaccount:team:default-editor")
        role = yaml.safe_load_all((REPOSITORY / "kserve/manifests/role.yaml").read_text())
        access.bind("system:serviceaccount:team:default-editor", rules_from(role), self.namespace)
        self.server = Server(AdmittedStore(folder / "kubernetes.sqlite"), access, logs=_log)
        self.server.start()
        self.proxy = proxy(self.server.url)
        self.answers: list[tuple[str, int]] = []  # method and status of each write to a service
        self.proxy.forwarded = self.forwarded
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        self.gateway = _gateway(self)
        self.environment = {
            "KUBECONFIG": str(self._kubeconfig(folder)),
            "KFP_LIFECYCLE_MODELS_ROOT": str(folder / "models"),
            "KFP_LIFECYCLE_SERVE_SCHEMES": "s3,gs,https,pvc,file",
            "KFP_LIFECYCLE_GATEWAY_URL": f"http://127.0.0.1:{self.gateway.server_address[1]}",
        }

    def forwarded(self, method: str, path: str, status: int) -> None:
        if "inferenceservices" in path:
            self.answers.append((method, status))
            self.act()

    def call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """The API's answer to its administrator; None for what does not exist."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": "Bearer admin", "Content-Type": content_type}
        request = urllib.request.Request(self.server.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise AssertionError(f"{method} {path}: {error.code} {error.read()[:500]!r}") from error

    def live(self) -> dict[str, Any]:
        return self.call("GET", f"{SERVICES.format(self.namespace)}/{self.service}")

    def services(self) -> list[str]:
        return [each["metadata"]["name"] for each in self.call("GET", SERVICES.format(self.namespace))["items"]]

    def record(self) -> dict[str, Any] | None:
        path = f"/api/v1/namespaces/{self.namespace}/configmaps/kfp-lifecycle-release-{self.service}"
        found = self.call("GET", path)
        return json.loads(found["data"]["record.json"]) if found else None

    def expire(self) -> None:
        """The open release's holder has not renewed it for years."""
        path = f"/api/v1/namespaces/{self.namespace}/configmaps/kfp-lifecycle-release-{self.service}"
        found = self.call("GET", path)
        record = json.loads(found["data"]["record.json"])
        record["releases"][-1]["expires_at"] = "2020-01-01T00:00:00Z"
        self.call("PUT", path, {**found, "data": {"record.json": json.dumps(record)}})

    def forget(self) -> None:
        """Delete service and record, so that the next sweep does not see them."""
        self.call("DELETE", f"{SERVICES.format(self.namespace)}/{self.service}")
        self.call("DELETE", f"/api/v1/namespaces/{self.namespace}/configmaps/kfp-lifecycle-release-{self.service}")

    def champion(self) -> str:
        """As the service names it; its spec must be of the same version, and no canary may stand."""
        live = inference_service.read(self.live())
        assert live.canaries == (), live.canaries
        assert "canaryTrafficPercent" not in live.spec["predictor"]
        assert live.stable is not None and live.stable.version == live.champion_version
        return live.champion_version

    def act(self) -> None:
        """What KServe's controller would have done a while after the last change."""
        manifest = self.live()
        if manifest is None:
            return
        live = inference_service.read(manifest)
        if manifest.get("status", {}).get("seen") == manifest["metadata"]["generation"]:
            return
        bad = self.behaviour.fails | self.behaviour.never_ready
        act = self._standard if live.mode is Mode.STANDARD else self._knative
        status = act(live, manifest, bad)
        status["modelStatus"] = self._model_status(live)
        self.call("PUT", f"{SERVICES.format(self.namespace)}/{self.service}/status", {**manifest, "status": status})

    def _standard(self, live: Any, manifest: Any, bad: set[str]) -> dict[str, Any]:
        ready = live.stable.version not in bad
        status: dict[str, Any] = {"conditions": [_condition("Ready", ready)]}
        weights = {service_addresses.workload(live.name, live.stable.name): live.stable.weight}
        self._arm(live, Mode.STANDARD, live.stable.name, live.stable.version)
        for arm in live.canaries:
            well = arm.version not in bad
            status["canaryStatuses"] = [{"name": arm.name, "ready": well, "trafficPercent": arm.weight}]
            status["conditions"].append(_condition("CanaryPredictorReady", well))
            weights[service_addresses.workload(live.name, arm.name)] = arm.weight
            self._arm(live, Mode.STANDARD, arm.name, arm.version)
            self._pod(live, f"{service_addresses.workload(live.name, arm.name)}-x", arm.version)
        if not self.behaviour.no_routes and not self.behaviour.frozen_routes:
            self._route(weights)
        return status

    def _knative(self, live: Any, manifest: Any, bad: set[str]) -> dict[str, Any]:
        predictor = manifest["spec"]["predictor"]
        old = manifest.get("status", {}).get("components", {}).get("predictor", {})
        template = checksums.sha256_bytes(
            checksums.canonical_json({k: v for k, v in predictor.items() if k != "canaryTrafficPercent"})
        )
        number = int(old.get("latestCreatedRevision", "0")[-5:]) + (
            template != manifest.get("status", {}).get("template")
        )
        created = f"{live.name}-predictor-{number:05d}"
        version = inference_service.arm(predictor, 0).version
        ready = created if version not in bad else old.get("latestReadyRevision", "")
        rolled, percent = old.get("latestRolledoutRevision", ""), predictor.get("canaryTrafficPercent")
        share = 100 if percent is None or not rolled else percent
        if share == 100 and ready:
            rolled = ready
        traffic = [{"latestRevision": True, "percent": share, "revisionName": ready, "tag": "latest"}] if ready else []
        if share < 100:
            traffic.append({"percent": 100 - share, "revisionName": rolled, "tag": "prev"})
        if ready == created:
            self._arm(live, Mode.KNATIVE, "", version)
        if version in self.behaviour.fails:
            self._pod(live, f"{created}-deployment-x", version)
        component = {"latestCreatedRevision": created, "latestReadyRevision": ready, "latestRolledoutRevision": rolled}
        return {
            "components": {"predictor": {k: v for k, v in {**component, "traffic": traffic}.items() if v}},
            "conditions": [_condition("Ready", ready == created)],
            "template": template,
        }

    def _model_status(self, live: Any) -> dict[str, Any]:
        newest = live.stable or live.canary
        if newest.version in self.behaviour.fails:
            info = {"reason": "ModelLoadFailed", "message": "boom: no such column", "exitCode": 1}
            states = {"activeModelState": "", "targetModelState": "FailedToLoad"}
            return {"transitionStatus": "BlockedByFailedLoad", "lastFailureInfo": info, "states": states}
        return {"transitionStatus": "InProgress" if newest.version in self.behaviour.never_ready else "UpToDate"}

    def _arm(self, live: Any, mode: Mode, arm: str, version: str) -> None:
        self.arms[service_addresses.arm_host(mode, live.name, live.namespace, "example.com", arm)] = version

    def _route(self, weights: dict[str, int]) -> None:
        path, name = ROUTES.format(self.namespace), f"{self.service}-predictor"
        backends = [{"name": each, "port": 80, "weight": weight} for each, weight in weights.items()]
        body = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name}}
        body["spec"] = {"rules": [{"backendRefs": backends}]}
        if old := self.call("GET", f"{path}/{name}"):
            body["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
            self.call("PUT", f"{path}/{name}", body)
        else:
            self.call("POST", path, body)

    def _pod(self, live: Any, name: str, version: str) -> None:
        if version not in self.behaviour.fails:
            return
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        labels = {"serving.kserve.io/inferenceservice": live.name}
        ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": "boom: no such column"}}
        container = {
            "name": "kserve-container",
            "ready": False,
            "restartCount": 0,
            "state": ended,
            "image": "",
            "imageID": "",
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}}
        pod["spec"] = {"containers": [{"name": "kserve-container", "image": "i"}]}
        if not self.call("GET", f"{path}/{name}"):
            self.call("POST", path, pod)
            self.call("PUT", f"{path}/{name}/status", {**pod, "status": {"containerStatuses": [container]}})

    def _kubeconfig(self, folder: Path) -> Path:
        file = folder / "kubeconfig"
        file.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": self.proxy.url}}],
            "users": [{"name": "u", "user": {"token": "steps"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": self.namespace}}],
        }))  # fmt: skip
        return file

    def close(self) -> None:
        self.server.stop()
        self.gateway.shutdown()
        self.gateway.server_close()


async def _log(*_: Any) -> AsyncIterator[bytes]:
    yield b"reading the model\nboom: no such column\n"


def _condition(kind: str, good: bool) -> dict[str, str]:
    return {"type": kind, "status": "True" if good else "False"}


def _gateway(world: World) -> ThreadingHTTPServer:
    """Answers for each arm by its Host, as the local Envoy does, with the version that it would serve."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            version = world.arms.get(self.headers["Host"], "")
            status = world.behaviour.answers.get(version, 200) if version else 404
            self.send_response(status)
            self.send_header("x-model-version", version)
            self.end_headers()
            self.wfile.write(json.dumps({"outputs": [{"name": "predict", "data": [1]}]}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
