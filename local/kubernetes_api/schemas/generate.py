"""Writes inference_service.json: the schema of an InferenceService, from the Python models of the installed KServe SDK.

Run it with the SDK's Python after a change of its version. The models name fields, types and what may not be None. The
rest stands in the tables below, each entry with its reason; "recorded" means a step of tests/local/conformance.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from importlib import metadata
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Schema = dict[str, Any]
Find = Callable[[str], Any]

_ANY_OBJECT: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_NUMBER = r"(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
_QUANTITY: Schema = {  # the pattern is the one that a refusal quotes (recorded: 12-invalid)
    "pattern": rf"^(\+|-)?{_NUMBER}(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?{_NUMBER}))?$",
    "x-kubernetes-int-or-string": True,
}
_TYPES: dict[str, Schema] = {
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "object": {"x-kubernetes-int-or-string": True},  # only ports and shares of a rollout: number or text in Kubernetes
    # Models of Go types that have a JSON form of their own, unlike their fields.
    **{name: {"type": "string", "format": "date-time"} for name in ("datetime", "V1Time", "KnativeVolatileTime")},
    **dict.fromkeys(("ResourceQuantity", "V1beta1MetricQuantity"), _QUANTITY),
    "KnativeURL": {"type": "string"},
    "V1ObjectMeta": {"type": "object"},  # our server has its own for the object's; a volume claim's is taken as it is
    # Named by the SDK, which does not have it: one target of a Knative Route's traffic, as Knative documents it.
    "KnativeDevServingPkgApisServingV1TrafficTarget": {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("configurationName", "revisionName", "tag", "url")}
        | {"latestRevision": {"type": "boolean"}, "percent": {"type": "integer", "format": "int64"}},
    },
    # Newer than the client that the SDK is installed with: taken as they come.
    "V1ContainerRestartRule": _ANY_OBJECT,
    "V1PodSchedulingGroup": _ANY_OBJECT,
}
_RENAMED = {  # what the SDK calls models that only the Kubernetes client has
    "K8sIoApiAppsV1DeploymentStrategy": "V1DeploymentStrategy",
    "K8sIoApiAutoscalingV2HorizontalPodAutoscalerBehavior": "V2HorizontalPodAutoscalerBehavior",
}
_RESOURCES = ("V1ResourceRequirements", "V1VolumeResourceRequirements")
_RETYPED = {  # (model, field): type
    # The client has quantities as text, Kubernetes takes numbers too (the pattern is recorded: 12-invalid).
    ("V1EmptyDirVolumeSource", "sizeLimit"): "ResourceQuantity",
    ("V1ResourceFieldSelector", "divisor"): "ResourceQuantity",
    **dict.fromkeys(product(_RESOURCES, ("limits", "requests")), "dict(str, ResourceQuantity)"),
    # A canary's model has one more required field than the predictor's: `@` makes two schemas of one model.
    ("V1beta1CanarySpec", "predictor"): "V1beta1PredictorSpec@canary",
    ("V1beta1PredictorSpec@canary", "model"): "V1beta1ModelSpec@canary",
}
_REQUIRED = {  # in place of what the model's setters refuse
    "V1beta1ModelFormat": ["name"],  # recorded: 12-invalid
    "V1beta1ModelSpec": [],  # a model without a format is accepted (measured against KServe 0.20)
    "V1beta1ModelSpec@canary": ["name"],  # the container's; KServe takes a predictor only without it
}
_INT64 = (  # the other integers have 32 bits; only the wording of a refused fraction depends on it
    *("activeDeadlineSeconds", "canaryTrafficPercent", "containerConcurrency", "expirationSeconds", "fsGroup"),
    *("observedGeneration", "runAsGroup", "runAsUser", "seconds", "supplementalGroups", "timeout"),
    *("terminationGracePeriodSeconds", "tolerationSeconds", "trafficPercent"),
)
_MORE: dict[tuple[str, str], Schema] = {  # (model or "*", field): keywords to add
    ("V1beta1InferenceService", "status"): {"x-kubernetes-preserve-unknown-fields": True},  # recorded: 08
    ("V1beta1InferenceServiceSpec", "canary"): {"x-kubernetes-list-type": "atomic"},  # recorded: 07-apply
    ("V1beta1CanarySpec", "trafficPercent"): {"minimum": 0, "maximum": 100},  # recorded: 07-apply, 12-invalid
    ("*", "scaleMetric"): {"enum": ["cpu", "memory", "concurrency", "rps"]},  # recorded: 12-invalid
    ("V1ContainerPort", "protocol"): {"default": "TCP"},  # recorded: 02-inferenceservice
    # Merge keys of a container's lists in the Kubernetes API (env is recorded: 06-patch, 07-apply, 12-invalid). Lists
    # of a pod have none here: `containers` is one whole (recorded: 02-inferenceservice).
    ("*", "env"): {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    ("*", "ports"): {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["containerPort", "protocol"]},
    ("*", "volumeDevices"): {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["devicePath"]},
    ("*", "volumeMounts"): {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["mountPath"]},
}
_ATOMIC = (  # the Kubernetes API has one owner for the whole of these references and selectors
    *("V1ConfigMapKeySelector", "V1LabelSelector", "V1LocalObjectReference", "V1NodeSelector", "V1NodeSelectorTerm"),
    *("V1ObjectFieldSelector", "V1ResourceFieldSelector", "V1SecretKeySelector", "V1TypedLocalObjectReference"),
)


def installed(name: str) -> Any:
    """The model of this name in the KServe SDK or the Kubernetes client.

    Raises:
        AttributeError, ImportError: neither has it; it needs a line in a table above.
    """
    file = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()  # of a few models that the SDK's list leaves out
    packages = [importlib.import_module(package) for package in ("kserve.models", "kubernetes.client")]
    home = next((package for package in packages if hasattr(package, name)), None)
    return getattr(home or importlib.import_module(f"kserve.models.{file}"), name)


def required_of(model: Any) -> list[str]:
    """Names in JSON of the fields that the model does not let be None."""
    blank = model.__new__(model)
    blank.local_vars_configuration = SimpleNamespace(client_side_validation=True)
    required = []
    for attribute, field in sorted(model.attribute_map.items()):
        try:
            setattr(blank, attribute, None)
        except ValueError:
            required.append(field)
    return required


def schema_of(kind: str, find: Find, field: str = "", above: tuple[str, ...] = ()) -> Schema:
    """Schema of a type as the models spell it: `str`, `list[str]`, `dict(str, V1Probe)`, `V1Probe`.

    A model inside itself is any object, for the schema of our server is a tree.
    """
    kind = _RENAMED.get(kind, kind)
    if kind.startswith("list["):
        return {"type": "array", "items": schema_of(kind[5:-1], find, field, above)}
    if kind.startswith("dict("):
        inner = kind[5:-1].partition(",")[2].strip()
        return {"type": "object", "additionalProperties": schema_of(inner, find, field, above)}
    if kind == "int":
        return {"type": "integer", "format": "int64" if field in _INT64 else "int32"}
    if kind in _TYPES:
        return _TYPES[kind]
    return _ANY_OBJECT if kind in above else _model_schema(kind, find, (*above, kind))


def _model_schema(name: str, find: Find, above: tuple[str, ...]) -> Schema:
    model = find(name.partition("@")[0])
    properties = {}
    for attribute, kind in model.openapi_types.items():
        field = model.attribute_map[attribute]
        part = schema_of(_RETYPED.get((name, field), kind), find, field, above)
        properties[field] = part | _MORE.get((name, field), _MORE.get(("*", field), {}))
    required = _REQUIRED[name] if name in _REQUIRED else required_of(model)
    atomic = {"x-kubernetes-map-type": "atomic"} if name in _ATOMIC else {}
    return {"type": "object", "properties": properties} | ({"required": required} if required else {}) | atomic


def shared(root: Schema) -> tuple[Schema, list[Schema]]:
    """The schema with every part that occurs twice as a numbered `$ref`, and those parts."""
    uses: Counter[str] = Counter()
    numbers: dict[str, int] = {}
    parts: list[Schema] = []

    def count(node: Any) -> None:
        if isinstance(node, dict):
            uses[_text(node)] += 1
            for child in node.values() if uses[_text(node)] == 1 else ():
                count(child)

    def linked(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        text = _text(node)
        if text not in numbers:
            part = {key: linked(node[key]) for key in sorted(node)}
            if uses[text] < 2 or len(text) < 32:  # a reference to less would hardly be shorter
                return part
            numbers[text] = len(parts)
            parts.append(part)
        return {"$ref": numbers[text]}

    count(root)
    return linked(root), parts


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def document(find: Find, origin: str) -> str:
    """The whole file: one line for the schema and for each shared part."""
    root, parts = shared(schema_of("V1beta1InferenceService", find))
    lines = ",\n".join(_text(part) for part in parts)
    return f'{{"origin": {json.dumps(origin)},\n"schema": {_text(root)},\n"definitions": [\n{lines}\n]}}\n'


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Write the schema of an InferenceService.")
    parser.add_argument("file", nargs="?", type=Path, default=Path(__file__).with_name("inference_service.json"))
    file: Path = parser.parse_args(arguments).file
    sys.argv = sys.argv[:1]  # kserve reads the command line when it is imported
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("kserve", "kubernetes"))
    origin = f"Generated by generate.py from the Python models of the KServe SDK ({versions})"
    file.write_text(document(cache(installed), origin), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
