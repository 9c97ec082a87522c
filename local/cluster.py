"""A running local cluster, to be used from Python: objects, requests, faults."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml
from kubernetes import config
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException

from kfp_lifecycle.local import kubeconfig, lifecycle, processes
from kfp_lifecycle.local.cluster_runs import run_on
from kfp_lifecycle.local.gateway import admin
from kfp_lifecycle.local.gateway.resources import REVISION_HEADER
from kfp_lifecycle.local.kfp_tokens import TOKEN_FILE
from kfp_lifecycle.local.kserve_controller import names
from kfp_lifecycle.local.kserve_controller.modes import ACCESS_ANNOTATION
from kfp_lifecycle.local.kserve_controller.objects import Object, Objects
from kfp_lifecycle.local.pods.kubelet import POD_MARK
from kfp_lifecycle.local.runner import RunResult
from kfp_lifecycle.local.settled import is_settled, weights
from kfp_lifecycle.local.state import StateFolder, read_json
from kfp_lifecycle.local.traffic import Traffic


@dataclass(frozen=True)
class Answer:
    """The gateway's answer to one request.

    Attributes:
        revision: which arm or revision was chosen; empty if the gateway answered by itself.
        seconds: until the whole answer was there.
    """

    status: int
    revision: str
    headers: Mapping[str, str]
    text: str
    seconds: float

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


class Cluster:
    """A local cluster that runs in a state folder.

    Attributes:
        kubeconfig: of an administrator.
        kubeconfig_steps: of the steps, with the rights of the shipped Role.
        gateway_url: where requests go, with the service's Host header.
        mlflow_url: empty without MLflow.
        kfp_url: of the KFP API and the status page; empty without them.
        uses_kfp_tokens: whether the KFP API wants a token and a namespace.
        objects: reads and writes objects as administrator.
    """

    def __init__(self, state: StateFolder) -> None:
        known = lifecycle.record(state)
        if known is None:
            raise lifecycle.ClusterError(f"no local cluster runs in {state.path}")
        self.state = state
        self.kubeconfig: Path = state["kubeconfig"]
        self.kubeconfig_steps: Path = state["kubeconfig-steps"]
        self.kubernetes_url: str = known["urls"]["kubernetes"]
        self.gateway_url: str = known["urls"]["gateway"]
        self.gateway_admin_url: str = known["urls"]["gateway_admin"]
        self.mlflow_url: str = known["urls"].get("mlflow", "")
        self.kfp_url: str = known["urls"].get("kfp", "")
        self.uses_kfp_tokens: bool = known["settings"]["kfp_tokens"]
        self.domain: str = known["settings"]["domain"]
        self.objects = Objects(self.client())
        self._http = httpx.Client(base_url=self.gateway_url, timeout=60)

    def environment(self) -> dict[str, str]:
        """The settings of a step on this cluster, KUBECONFIG among them."""
        variables: dict[str, str] = read_json(self.state["environment.json"])
        return variables

    def pids(self) -> dict[str, int]:
        """Process ids of supervisor, gateway and mlflow; empty if the cluster does not run."""
        known = lifecycle.record(self.state)
        return dict(known["pids"]) if known else {}

    def client(self, *, steps: bool = False) -> ApiClient:
        """The official Kubernetes client, as administrator or as a step."""
        return config.new_client_from_config(str(self.kubeconfig_steps if steps else self.kubeconfig))

    def kfp_client(self, **options: Any) -> Any:
        """The official ``kfp.Client`` of this cluster's KFP API, with a token where it wants one.

        Args:
            options: further arguments of ``kfp.Client``.
        """
        from kfp.client import Client, ServiceAccountTokenVolumeCredentials

        if self.uses_kfp_tokens:
            credentials = ServiceAccountTokenVolumeCredentials(str(self.state[TOKEN_FILE]))
            options = {"credentials": credentials, "namespace": kubeconfig.NAMESPACE, **options}
        return Client(self.kfp_url, **options)

    def apply(self, manifest: str | Object, *, manager: str = "local-cluster", force: bool = False) -> Object:
        """Server-side apply of one object, given as YAML text or as a dictionary."""
        body: Object = yaml.safe_load(manifest) if isinstance(manifest, str) else manifest
        return self.objects.apply(body, manager=manager, force=force)

    def patch(self, name: str, change: Object, *, namespace: str = "default") -> Object:
        """Merge patch of an InferenceService; None removes a field."""
        return self.objects.merge("InferenceService", namespace, name, change)

    def get(self, name: str, *, namespace: str = "default") -> Object:
        """An InferenceService.

        Raises:
            ApiException: 404, there is none of this name.
        """
        found = self.objects.get("InferenceService", namespace, name)
        if found is None:
            raise ApiException(404, f"inferenceservice {namespace}/{name} not found")
        return found

    def delete(self, name: str, *, namespace: str = "default") -> None:
        """Delete an InferenceService and wait until its pods are gone."""
        service = self.get(name, namespace=namespace)
        self.objects.delete(service)
        self.wait(lambda: not self.objects.owned("Pod", service), f"the pods of {name} gone")

    def pods(self, name: str, *, namespace: str = "default") -> list[Object]:
        """The Pod objects of an InferenceService."""
        return self.objects.owned("Pod", self.get(name, namespace=namespace))

    def weights(self, name: str, *, namespace: str = "default") -> dict[str, int]:
        """Share of each arm or revision, from the HTTPRoute (Standard) or the status (Knative)."""
        return weights(self.get(name, namespace=namespace), self.objects.get("HTTPRoute", namespace, name))

    def wait(self, condition: Callable[[], object], what: str, *, timeout: float = 60) -> None:
        """Wait until the condition holds.

        Raises:
            TimeoutError: it did not within the time, in seconds.
        """
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not within {timeout:.0f} s: {what}")
            time.sleep(0.05)

    def wait_ready(self, name: str, *, namespace: str = "default", timeout: float = 120) -> Object:
        """Wait until all that was asked for serves: stable predictor, canaries, traffic; returns the object."""

        def settled() -> bool:
            route = self.objects.get("HTTPRoute", namespace, name)
            return is_settled(self.get(name, namespace=namespace), self.pods(name, namespace=namespace), route)

        self.wait(settled, f"{name} ready", timeout=timeout)
        return self.get(name, namespace=namespace)

    def host(self, name: str, *, namespace: str = "default") -> str:
        """The Host header of a service, under which the weights hold."""
        return names.service_host(name, namespace, self.domain)

    def send(
        self,
        name: str,
        body: object = None,
        *,
        path: str = "",
        host: str = "",
        namespace: str = "default",
        method: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request through the gateway: a V2 inference, or without a body a GET of the model's readiness.

        Args:
            body: bytes as they are, anything else as JSON.
            host: another Host header than the service's, for example an arm's own.
        """
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        target = path or f"/v2/models/{name}/{'ready' if content is None else 'infer'}"
        sent = {"Host": host or self.host(name, namespace=namespace), "Content-Type": "application/json"}
        verb = method or ("GET" if content is None else "POST")
        began = time.perf_counter()
        answer = self._http.request(verb, target, content=content, headers={**sent, **(headers or {})})
        seconds = time.perf_counter() - began
        revision = answer.headers.get(REVISION_HEADER, "")
        return Answer(answer.status_code, revision, dict(answer.headers), answer.text, seconds)

    def traffic(
        self, name: str, *, rate: float = 0, threads: int = 4, body: bytes = b"{}", namespace: str = "default"
    ) -> Traffic:
        """Steady V2 inference requests while the returned context lasts; ``rate`` is requests a second, 0 flat out."""
        host, path = self.host(name, namespace=namespace), f"/v2/models/{name}/infer"
        return Traffic(self.gateway_url, host, path, body=body, rate=rate, threads=threads)

    def counters(self, revision: str, *, namespace: str = "default") -> dict[str, int]:
        """Envoy's counters of one arm: ``rq_total``, ``rq_2xx``, ``rq_5xx`` ..., ``membership_healthy``."""
        prefix = f"cluster.{namespace}_{revision}."
        found = admin.stats(self.gateway_admin_url, f"^cluster[.]{namespace}_{revision}[.](upstream_rq_|membership_)")
        short = {name.removeprefix(prefix).removeprefix("upstream_"): value for name, value in found.items()}
        return {name: int(value) for name, value in short.items() if value.isdigit()}

    def server(self, revision: str, *, namespace: str = "default") -> psutil.Process:
        """The running model server of an arm or revision.

        Raises:
            ProcessLookupError: none runs.
        """
        supervisor = self.pids().get("supervisor")
        for process in processes.marked(self.state.path):
            try:
                mark = process.environ().get(POD_MARK, "")
                if mark.startswith(f"{namespace}/{revision}/") and process.ppid() == supervisor:
                    return process
            except psutil.NoSuchProcess:
                continue
        raise ProcessLookupError(f"no model server of {revision} runs")

    def signal(self, revision: str, number: int = signal.SIGKILL, *, namespace: str = "default") -> int:
        """Send a signal (SIGKILL, SIGSTOP, SIGCONT) to an arm's model server; returns its process id."""
        pid = self.server(revision, namespace=namespace).pid
        os.kill(pid, number)
        return pid

    def deny(self, name: str, *, denied: bool = True, namespace: str = "default") -> None:
        """Let the gateway answer 403 as a service mesh that refuses the caller, or end that; returns when it does."""
        change = {"metadata": {"annotations": {ACCESS_ANNOTATION: "deny" if denied else None}}}
        self.patch(name, change, namespace=namespace)
        self.wait(lambda: (self.send(name, namespace=namespace).status == 403) == denied, "the access changed")

    def run_pipeline(self, pipeline: Any, parameters: Mapping[str, Any], **options: Any) -> RunResult:
        """Run a pipeline with this cluster's settings; what it takes is told at :func:`cluster_runs.run_on`."""
        return run_on(self.state, pipeline, parameters, **options)

    def close(self) -> None:
        """Close connections; the cluster runs on."""
        self._http.close()
