"""Pod templates: the part of an InferenceService whose change means new pods. Pure.

KServe copies the annotations and labels of the InferenceService into the pod template, so that changing one of them
starts new pods (Standard) or a new revision (Knative), except those of ``serviceAnnotationDisallowedList`` in the
ConfigMap ``inferenceservice-config``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

Manifest = Mapping[str, Any]

CONTAINER = "kserve-container"

# KServe: constants.ServiceAnnotationDisallowedList.
NOT_PROPAGATED = frozenset(
    {
        "autoscaling.knative.dev/min-scale",
        "autoscaling.knative.dev/max-scale",
        "internal.serving.kserve.io/storage-initializer-sourceuri",
        "kubectl.kubernetes.io/last-applied-configuration",
        "serving.kserve.io/model-format",
    }
)
# Knative: moved from the template to the Service, so that a change makes no revision.
_OF_THE_SERVICE = frozenset({"serving.knative.dev/rollout-duration"})
_NEVER_IN_TEMPLATE = {"name", "canaryTrafficPercent", "labels", "annotations"}
# In Standard mode these shape the Deployment or its autoscaler, not its pods; Knative keeps them in the revision.
_OF_THE_DEPLOYMENT = {
    "minReplicas",
    "maxReplicas",
    "scaleTarget",
    "scaleMetric",
    "scaleMetricType",
    "autoScaling",
    "deploymentStrategy",
    "timeout",
}


@dataclass(frozen=True)
class Template:
    """What a pod is made of.

    Attributes:
        digest: equal digests need no new pod.
    """

    digest: str
    storage_uri: str
    environment: tuple[tuple[str, str], ...]
    arguments: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The template as plain values."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Template:
        """The template from what :meth:`to_json` gave."""
        return cls(
            digest=value["digest"],
            storage_uri=value["storage_uri"],
            environment=tuple((name, text) for name, text in value["environment"]),
            arguments=tuple(value["arguments"]),
        )


def template(service: Manifest, predictor: Manifest, *, standard: bool, not_propagated: Collection[str]) -> Template:
    """The pod template of a predictor of this InferenceService."""
    metadata = service.get("metadata", {})
    kept_out = {*NOT_PROPAGATED, *not_propagated, *_OF_THE_SERVICE}
    annotations = {**(metadata.get("annotations") or {}), **(predictor.get("annotations") or {})}
    model = dict(predictor.get("model") or {})
    # The released CRD wants a name in a canary's model and the webhook forbids it in the stable one; this name is
    # the one that the container has anyway.
    if model.get("name") == CONTAINER:
        del model["name"]
    left_out = _NEVER_IN_TEMPLATE | (_OF_THE_DEPLOYMENT if standard else set())
    content = {
        "annotations": {name: value for name, value in annotations.items() if name not in kept_out},
        "labels": {**(metadata.get("labels") or {}), **(predictor.get("labels") or {})},
        "spec": {name: value for name, value in predictor.items() if name not in left_out} | {"model": model},
    }
    variables = model.get("env") or []
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return Template(
        digest=digest[:10],
        storage_uri=str(model.get("storageUri", "")),
        environment=tuple((one["name"], str(one.get("value", ""))) for one in variables),
        arguments=tuple(model.get("args") or ()),
    )


def merged(stable: Manifest, canary: Manifest) -> dict[str, Any]:
    """A canary's predictor: what it leaves unset it inherits from the stable one (KServe: buildCanaryPredictor).

    Maps merge, lists and scalars replace, empty values do not override; as mergo does with override.
    """
    result = dict(stable)
    for name, value in canary.items():
        if isinstance(value, Mapping) and isinstance(result.get(name), Mapping):
            result[name] = merged(result[name], value)
        elif value not in (None, "", 0, False, [], {}):
            result[name] = value
    return result
