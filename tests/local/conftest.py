"""A running cluster with a stand-in model server, and manifests for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from kfp_lifecycle.local.testing import Cluster, ClusterFactory, local_cluster

__all__ = ["local_cluster"]

STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in_server.py")))
ROLE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: steps}
rules:
- {apiGroups: [serving.kserve.io], resources: [inferenceservices], verbs: [get, create, patch]}
- {apiGroups: [""], resources: [pods], verbs: [list]}
"""


class Services:
    """InferenceServices of one test, deleted at its end."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._applied: set[str] = set()

    def model(self, version: str, **behaviour: Any) -> str:
        """A URI of a model folder; its behaviour is the stand-in server's."""
        folder = self._folder / f"model-{version}"
        folder.mkdir(exist_ok=True)
        (folder / "behaviour.json").write_text(json.dumps(behaviour))
        return folder.as_uri()

    def predictor(self, version: str, **behaviour: Any) -> dict[str, Any]:
        """A predictor of this version, without a name."""
        return {
            "minReplicas": 1,
            "model": {
                "modelFormat": {"name": "sklearn"},
                "runtime": "kfp-lifecycle-serve",
                "protocolVersion": "v2",
                "storageUri": self.model(version, **behaviour),
                "env": [{"name": "KFP_LIFECYCLE_MODEL_VERSION", "value": version}],
            },
        }

    def arm(self, version: str, **behaviour: Any) -> dict[str, Any]:
        """A predictor of Standard mode, named by its version."""
        return {"name": f"v{version}", **self.predictor(version, **behaviour)}

    def canary(self, version: str, percent: int, **behaviour: Any) -> dict[str, Any]:
        """An entry of ``spec.canary``."""
        arm = self.arm(version, **behaviour)
        return {"trafficPercent": percent, "predictor": {**arm, "model": {"name": "kserve-container", **arm["model"]}}}

    def apply(self, name: str, spec: dict[str, Any], *, mode: str = "Standard") -> dict[str, Any]:
        """Apply an InferenceService."""
        self._applied.add(name)
        annotations = {"serving.kserve.io/deploymentMode": mode}
        if mode == "Knative":
            annotations["serving.kserve.io/enable-tag-routing"] = "true"
        manifest = {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": name, "namespace": "default", "annotations": annotations},
            "spec": spec,
        }
        return self._cluster.apply(manifest)

    def standard(self, name: str, stable: dict[str, Any], *canaries: dict[str, Any]) -> dict[str, Any]:
        """Apply a Standard InferenceService and wait until it serves as asked."""
        self.apply(name, {"predictor": stable} | ({"canary": list(canaries)} if canaries else {}))
        return self._cluster.wait_ready(name)

    def knative(self, name: str, predictor: dict[str, Any], percent: int | None = None) -> dict[str, Any]:
        """Apply a Knative InferenceService and wait until it serves as asked."""
        share = {} if percent is None else {"canaryTrafficPercent": percent}
        self.apply(name, {"predictor": predictor | share}, mode="Knative")
        return self._cluster.wait_ready(name)

    def clean(self) -> None:
        """Delete what was applied."""
        for name in self._applied:
            try:
                self._cluster.delete(name)
            except ApiException as error:
                assert error.status == 404


@pytest.fixture(scope="session")
def role(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Role with fewer rights than the shipped one, and known to the tests."""
    file = tmp_path_factory.mktemp("role") / "role.yaml"
    file.write_text(ROLE)
    return file


@pytest.fixture(scope="session")
def cluster(local_cluster: ClusterFactory, role: Path) -> Cluster:
    """The cluster that most tests share."""
    return local_cluster(serve_command=STAND_IN, role=role)


@pytest.fixture
def services(cluster: Cluster, tmp_path: Path) -> Iterator[Services]:
    """InferenceServices of the shared cluster."""
    one = Services(cluster, tmp_path)
    yield one
    one.clean()


Wait = Callable[[Callable[[], object]], None]
