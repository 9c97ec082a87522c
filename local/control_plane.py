"""Kubernetes API, kubelet and KServe controller, wired together in the supervisor's process."""

from __future__ import annotations

import json

from kubernetes import config
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_random
from urllib3.exceptions import HTTPError

from kfp_lifecycle.local.gateway.gateway import Gateway
from kfp_lifecycle.local.kserve_controller.controller import Controller
from kfp_lifecycle.local.kserve_controller.modes import ACCESS_ANNOTATION
from kfp_lifecycle.local.kserve_controller.objects import Objects
from kfp_lifecycle.local.kserve_controller.reconciler import Reconciler
from kfp_lifecycle.local.kubernetes_server import NAMESPACES, KubernetesServer
from kfp_lifecycle.local.pods.kubelet import Kubelet
from kfp_lifecycle.local.pods.pod import PodSpec
from kfp_lifecycle.local.settings import ClusterSettings
from kfp_lifecycle.local.state import StateFolder

CONFIG = "inferenceservice-config"
# KServe copies annotations into pod templates, where a change restarts every pod. A promotion moves this one, so
# KServe has to be told; kserve/manifests says the same for a real cluster.
_NOT_PROPAGATED = ("kfp-lifecycle/champion-version", ACCESS_ANNOTATION)


class ControlPlane:
    """What runs in threads of the supervisor.

    Attributes:
        token_key: of the Kubernetes API's service accounts.
    """

    def __init__(self, state: StateFolder, settings: ClusterSettings, gateway: Gateway, *, port: int) -> None:
        self._settings = settings
        self._kubelet = Kubelet(state=state.path, log_folder=state.logs, settings=settings, changed=self._pod_changed)
        self._server = KubernetesServer(
            state, port=port, role=settings.role, read_log=lambda *pod: self._kubelet.read_log(*pod)
        )
        self.token_key = self._server.token_key
        client = config.new_client_from_config(str(state["kubeconfig-controller"]))
        client.user_agent = "kserve-controller"
        self._objects = Objects(client)
        self._gateway = gateway
        self._folder = state["controller"]
        self._controller: Controller | None = None

    def start(self) -> None:
        """Serve the API, make the objects that any cluster has, and begin to reconcile."""
        self._server.start()
        not_propagated = _seed(self._objects, self._settings)
        reconciler = Reconciler(
            self._objects,
            self._kubelet,
            self._gateway,
            folder=self._folder,
            settings=self._settings,
            not_propagated=not_propagated,
        )
        self._controller = Controller(self._objects, reconciler, self._gateway)
        self._kubelet.start()
        self._controller.start()

    def close(self) -> None:
        """End everything, pods included."""
        if self._controller is not None:
            self._controller.close()
            self._kubelet.close()
        self._server.close()

    def _pod_changed(self, pod: PodSpec) -> None:
        if self._controller is not None:
            self._controller.pod_changed(pod)


@retry(
    retry=retry_if_exception_type((HTTPError, OSError)),
    stop=stop_after_delay(30),
    wait=wait_random(0.05, 0.2),
    reraise=True,
)
def _seed(objects: Objects, settings: ClusterSettings) -> frozenset[str]:
    """Namespaces and KServe's configuration; the annotations that the latter keeps out of pod templates."""
    for name in NAMESPACES:
        objects.ensure_namespace(name)
    existing = objects.get("ConfigMap", "kserve", CONFIG)
    if existing is None:
        data = {
            "deploy": json.dumps({"defaultDeploymentMode": settings.mode}),
            "inferenceService": json.dumps({"serviceAnnotationDisallowedList": list(_NOT_PROPAGATED)}),
            "ingress": json.dumps({"enableGatewayApi": True, "ingressDomain": settings.domain}),
        }
        metadata = {"name": CONFIG, "namespace": "kserve"}
        existing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        objects.put(existing, None)
    listed = json.loads((existing.get("data") or {}).get("inferenceService", "{}"))
    return frozenset(listed.get("serviceAnnotationDisallowedList", ()))
