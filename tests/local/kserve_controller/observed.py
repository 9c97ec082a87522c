"""Services and pods as the controller sees them, for tests without a cluster."""

from __future__ import annotations

from typing import Any

from kfp_lifecycle.local.kserve_controller.templates import Template
from kfp_lifecycle.local.pods.kubelet import Pod
from kfp_lifecycle.local.pods.pod import PodSpec, PodStatus, Stage


def predictor(version: str, *, name: str = "", **fields: Any) -> dict[str, Any]:
    """A predictor that serves this version."""
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": f"file:///models/{version}"}
    return ({"name": name} if name else {}) | {"minReplicas": 1, "model": model} | fields


def service(stable: dict[str, Any], *canaries: tuple[int, dict[str, Any]], **annotations: str) -> dict[str, Any]:
    """An InferenceService in Standard mode."""
    entries = [{"trafficPercent": percent, "predictor": arm} for percent, arm in canaries]
    return {
        "metadata": {
            "name": "demo",
            "namespace": "default",
            "uid": "u1",
            "annotations": {"serving.kserve.io/deploymentMode": "Standard", **annotations},
        },
        "spec": {"predictor": stable} | ({"canary": entries} if entries else {}),
    }


def pod(revision: str, template: Template | str, *, ready: bool = True, name: str = "", **status: Any) -> Pod:
    """A pod that runs; ready unless said otherwise."""
    digest = template if isinstance(template, str) else template.digest
    spec = PodSpec(
        namespace="default",
        name=name or f"{revision}-{digest}-x",
        service="demo",
        revision=revision,
        template=digest,
        owner="u1",
        model_name="demo",
        storage_uri="file:///models/1",
    )
    seen = {"stage": Stage.RUNNING, "fetched": True, "ready": ready, "was_ready": ready, "port": 9000, "pid": 7}
    return Pod(spec, PodStatus(created=0.0, **(seen | status)))
