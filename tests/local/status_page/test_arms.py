from __future__ import annotations

from typing import Any

import pytest

from kfp_lifecycle.core import service_manifests
from kfp_lifecycle.core.inference_service import Mode
from kfp_lifecycle.local.status_page import arms


def _predictor(mode: Mode, version: str) -> dict[str, Any]:
    return service_manifests.predictor(
        mode, arm_name=f"v{version}", version=version, digest="d" * 64, uri=f"file:///{version}", runtime="r"
    )


def _service(mode: Mode, spec: dict[str, Any], champion: str) -> dict[str, Any]:
    manifest = service_manifests.manifest(
        service="one", namespace="default", mode=mode, model="churn", spec=spec, champion_version=champion
    )
    return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": "1"}}


def _pod(mode: Mode, arm: str, version: str) -> dict[str, Any]:
    label = {"app": f"isvc.{arm}"} if mode is Mode.STANDARD else {"serving.knative.dev/revision": arm}
    variables = [{"name": "KFP_LIFECYCLE_MODEL_VERSION", "value": version}]
    spec = {"containers": [{"env": variables}], "initContainers": [{"args": [f"file:///{version}", "/mnt"]}]}
    return {"metadata": {"name": f"{arm}-0", "labels": label}, "spec": spec}


def _told(service: dict[str, Any], weights: dict[str, int], pods: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    found = arms.arms(service, {"weights": weights, "pods": []}, pods)
    return [(arm.role, arm.version, arm.weight) for arm in found]


@pytest.mark.parametrize("mode", [Mode.STANDARD, Mode.KNATIVE])
def test_the_champion_before_stands_by_while_its_pod_is_not_gone_yet(mode: Mode) -> None:
    service = _service(mode, service_manifests.stable_spec(_predictor(mode, "2")), "2")
    names = ("one-v1-predictor", "one-v2-predictor")
    pods = [_pod(mode, name, version) for name, version in zip(names, ("1", "2"), strict=True)]
    assert _told(service, {names[1]: 100}, pods) == [("champion", "2", 100), ("", "1", 0)]


@pytest.mark.parametrize("mode", [Mode.STANDARD, Mode.KNATIVE])
def test_a_canary_that_has_no_pod_yet_is_there_already_in_standard_mode(mode: Mode) -> None:
    spec = service_manifests.canary_spec(mode, _predictor(mode, "1"), _predictor(mode, "2"), 10)
    pods = [_pod(mode, "one-v1-predictor", "1")]
    told = _told(_service(mode, spec, "1"), {"one-v1-predictor": 100}, pods)
    canary = [("canary", "2", 0)] if mode is Mode.STANDARD else []
    assert told == [("champion", "1", 100), *canary]


def test_a_service_of_somebody_elses_has_a_champion_where_one_arm_has_all_traffic() -> None:
    service = _service(Mode.STANDARD, {"predictor": {"model": {"storageUri": "s3://x"}}}, "")
    assert _told(service, {"one-predictor": 100}, []) == [("champion", "", 100)]


def test_the_bar_is_split_from_the_left_by_the_shares() -> None:
    made = [arms.Arm(name, "", "", "", "", weight, ()) for name, weight in (("a", 75), ("b", 0), ("c", 25))]
    assert [(start, arm.name) for start, arm in arms.split(made)] == [(0, "a"), (75, "c")]
