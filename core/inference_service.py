"""What a live InferenceService says about the versions behind it. The service is the truth about who is champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MANAGER = "kfp-lifecycle"
MODE_ANNOTATION = "serving.kserve.io/deploymentMode"
CHAMPION_ANNOTATION = "kfp-lifecycle/champion-version"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MODEL_LABEL = "kfp-lifecycle/model"
VERSION_VARIABLE = "KFP_LIFECYCLE_MODEL_VERSION"
DIGEST_VARIABLE = "KFP_LIFECYCLE_MODEL_DIGEST"


class Mode(StrEnum):
    """How KServe runs a service, under its name since KServe 0.15."""

    STANDARD = "Standard"
    KNATIVE = "Knative"


# What older annotations and settings may say.
_MODE_NAMES = {
    "standard": Mode.STANDARD,
    "rawdeployment": Mode.STANDARD,
    "knative": Mode.KNATIVE,
    "serverless": Mode.KNATIVE,
}


def mode_named(name: str) -> Mode | None:
    """The mode of that name, old or new; None for any other name."""
    return _MODE_NAMES.get(name.strip().lower())


@dataclass(frozen=True)
class Arm:
    """One version behind a service.

    Attributes:
        name: the predictor's name in Standard mode; empty in Knative mode and for a predictor without one.
        weight: percent of the traffic that the spec asks for.
        predictor: the arm's predictor as it stands in the spec, without the fields that only move traffic.
    """

    name: str
    version: str
    digest: str
    uri: str
    weight: int
    predictor: Mapping[str, Any]


@dataclass(frozen=True)
class LiveService:
    """An InferenceService as it was read.

    Attributes:
        stable: the arm that the spec holds as stable; None in Knative mode while a canary stands in its place.
        canaries: the arms that take a share beside it.
    """

    name: str
    namespace: str
    resource_version: str
    mode: Mode
    managed: bool
    model: str
    champion_version: str
    stable: Arm | None
    canaries: tuple[Arm, ...]
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    generation: int = 0

    @property
    def canary(self) -> Arm | None:
        return self.canaries[0] if self.canaries else None


def arm(predictor: Mapping[str, Any], weight: int) -> Arm:
    """The version that a predictor serves, as its environment and storage URI say."""
    model = predictor.get("model") or {}
    variables = {each.get("name"): str(each.get("value", "")) for each in model.get("env") or []}
    return Arm(
        name=str(predictor.get("name", "")),
        version=variables.get(VERSION_VARIABLE, ""),
        digest=variables.get(DIGEST_VARIABLE, ""),
        uri=str(model.get("storageUri", "")),
        weight=weight,
        predictor={key: value for key, value in predictor.items() if key != "canaryTrafficPercent"},
    )


def read(manifest: Mapping[str, Any]) -> LiveService:
    """The service that a manifest from the API describes."""
    metadata = manifest["metadata"]
    annotations = metadata.get("annotations") or {}
    labels = metadata.get("labels") or {}
    spec = manifest.get("spec") or {}
    # KServe's own default, for a service that somebody made without the annotation.
    mode = mode_named(annotations.get(MODE_ANNOTATION, "")) or Mode.KNATIVE
    champion = str(annotations.get(CHAMPION_ANNOTATION, ""))
    stable, canaries = _standard_arms(spec) if mode is Mode.STANDARD else _knative_arms(spec, champion)
    return LiveService(
        name=metadata["name"],
        namespace=metadata["namespace"],
        resource_version=metadata["resourceVersion"],
        mode=mode,
        managed=labels.get(MANAGED_BY_LABEL) == MANAGER,
        model=str(labels.get(MODEL_LABEL, "")),
        champion_version=champion,
        stable=stable,
        canaries=canaries,
        spec=spec,
        status=manifest.get("status") or {},
        generation=int(metadata.get("generation") or 0),
    )


def _standard_arms(spec: Mapping[str, Any]) -> tuple[Arm, tuple[Arm, ...]]:
    canaries = tuple(
        arm(entry.get("predictor") or {}, int(entry.get("trafficPercent") or 0)) for entry in spec.get("canary") or []
    )
    return arm(spec.get("predictor") or {}, 100 - sum(each.weight for each in canaries)), canaries


def _knative_arms(spec: Mapping[str, Any], champion: str) -> tuple[Arm | None, tuple[Arm, ...]]:
    predictor = spec.get("predictor") or {}
    latest = arm(predictor, int(predictor.get("canaryTrafficPercent", 100)))
    # A share makes it a canary only beside a champion of another version: a champion's own spec stands with a
    # share of 0 for a moment after a canary was taken off.
    if champion and latest.version != champion:
        return None, (latest,)
    return arm(predictor, 100), ()
