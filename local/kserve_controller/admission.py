"""What KServe's webhook refuses (KServe: inference_service_validation.go). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kfp_lifecycle.local.kserve_controller.templates import Manifest

WEBHOOK = "inferenceservice.kserve-webhook-server.validator"
MODE_ANNOTATION = "serving.kserve.io/deploymentMode"
_NAME = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
_FRAMEWORKS = (
    "sklearn",
    "xgboost",
    "tensorflow",
    "pytorch",
    "triton",
    "onnx",
    "huggingface",
    "pmml",
    "lightgbm",
    "paddle",
    "model",
)
_FORBIDDEN_IN_CANARY = ("maxReplicas", "scaleTarget", "scaleMetric", "autoScaling")


def refusal(new: Manifest, old: Manifest | None) -> str:
    """Why the webhook refuses the object, as it words it; empty if it does not."""
    name, spec = new["metadata"]["name"], new.get("spec") or {}
    predictor = spec.get("predictor") or {}
    if not _NAME.match(name):
        return (
            f'the InferenceService "{name}" is invalid: a InferenceService name must consist of lower case '
            "alphanumeric characters or '-', and must start with alphabetical character. "
            f'(e.g. "my-name" or "abc-123", regex used for validation is \'{_NAME.pattern[1:-1]}\')'
        )
    if any((predictor.get(framework) or {}).get("name") for framework in _FRAMEWORKS):
        return "the 'name' field is not allowed in standard predictor"
    return (
        (_changed(new, old) if old is not None else "")
        or _implementation(predictor, "predictor")
        or _canaries(new, spec.get("canary") or [], predictor)
    )


def _changed(new: Manifest, old: Manifest) -> str:
    mode = (old.get("status") or {}).get("deploymentMode", "")
    asked = (new["metadata"].get("annotations") or {}).get(MODE_ANNOTATION)
    if mode and asked and asked != mode:
        return f"update rejected: deploymentMode cannot be changed from '{mode}' to '{asked}'"
    before, after = old["spec"]["predictor"], new["spec"]["predictor"]
    same_model = _storage_uri(before) == _storage_uri(after)
    if before.get("name", "") != after.get("name", "") and same_model:
        return "predictor.name change requires a model change (e.g. storageUri)"
    return ""


def _canaries(service: Manifest, entries: list[Mapping[str, Any]], stable: Mapping[str, Any]) -> str:
    if not entries:
        return ""
    if (service["metadata"].get("annotations") or {}).get(MODE_ANNOTATION) != "Standard":
        return "canary is only supported in Standard deployment mode"
    if not stable.get("model") and not _storage_uri(stable):
        return "canary requires a stable predictor with a model (multi-model serving is not supported with canary)"
    names: set[str] = set()
    for number, entry in enumerate(entries):
        problem = _canary(number, entry, stable, names)
        if problem:
            return problem
        names.add(entry["predictor"]["name"])
    total = sum(int(entry.get("trafficPercent", 0)) for entry in entries)
    return f"sum of canary trafficPercent values ({total}) must be <= 100" if total > 100 else ""


def _canary(number: int, entry: Mapping[str, Any], stable: Mapping[str, Any], names: set[str]) -> str:
    predictor = entry.get("predictor") or {}
    name, percent = predictor.get("name", ""), int(entry.get("trafficPercent", 0))
    if not name:
        return f"canary[{number}] predictor.name is required"
    if name in names:
        return f'canary predictor.name "{name}" is duplicated'
    if name == stable.get("name", ""):
        return f'canary predictor.name "{name}" conflicts with stable predictor name'
    if not 0 <= percent <= 100:
        return f'canary "{name}" trafficPercent must be between 0 and 100, got {percent}'
    if problem := _implementation(predictor, f'canary "{name}" predictor'):
        return problem
    if predictor.get("workerSpec"):
        return f'canary "{name}" must not set workerSpec (multi-node is not yet supported for canary)'
    for field in _FORBIDDEN_IN_CANARY:
        if predictor.get(field):
            return f'canary "{name}" must not set {field} (canary uses fixed replicas)'
    own, most = predictor.get("minReplicas"), stable.get("minReplicas")
    limit = 1 if most is None else int(most)
    if own is not None and int(own) > limit:
        return f'canary "{name}" minReplicas ({own}) must not exceed stable predictor minReplicas ({limit})'
    return ""


def _implementation(predictor: Mapping[str, Any], what: str) -> str:
    given = [name for name in _FRAMEWORKS if predictor.get(name) is not None]
    given += ["containers"] if predictor.get("containers") and not given else []
    if len(given) == 1:
        return ""
    known = ", ".join(("Custom", *_FRAMEWORKS))
    return f"{what}: Exactly one of [{known}] must be specified in PredictorSpec, got {len(given)}"


def _storage_uri(predictor: Mapping[str, Any]) -> str:
    parts = (predictor.get(name) or {} for name in _FRAMEWORKS)
    return next((str(part["storageUri"]) for part in parts if part.get("storageUri")), "")
