"""Under which names are the two arms of a live service counted?"""

from __future__ import annotations

from typing import Any

import pytest

from kfp_lifecycle.core.arms import Arms, NoCanary, arms_of
from kfp_lifecycle.core.inference_service import CHAMPION_ANNOTATION, MODE_ANNOTATION, VERSION_VARIABLE, read


def predictor(version: str, name: str = "") -> dict[str, Any]:
    named = {"name": name} if name else {}
    return {**named, "model": {"env": [{"name": VERSION_VARIABLE, "value": version}]}}


def manifest(mode: str, spec: dict[str, Any], status: dict[str, Any] | None = None) -> dict[str, Any]:
    annotations = {MODE_ANNOTATION: mode, CHAMPION_ANNOTATION: "1"}
    metadata = {"name": "churn", "namespace": "prod", "resourceVersion": "1", "annotations": annotations}
    return {"metadata": metadata, "spec": spec, "status": status or {}}


def knative(version: str, **status: Any) -> dict[str, Any]:
    traffic = [{"revisionName": name} for name in status.pop("traffic", ())]
    return manifest(
        "Knative", {"predictor": predictor(version)}, {"components": {"predictor": {**status, "traffic": traffic}}}
    )


def revisions(created: str, ready: str, rolled: str) -> dict[str, str]:
    return {"latestCreatedRevision": created, "latestReadyRevision": ready, "latestRolledoutRevision": rolled}


def test_standard_arms_are_named_by_the_live_spec() -> None:
    canary = {"trafficPercent": 10, "predictor": predictor("2", "v2")}
    live = read(manifest("Standard", {"predictor": predictor("1", "v1"), "canary": [canary]}))
    assert arms_of(live) == Arms("churn", "prod", "churn-v2-predictor", "churn-v1-predictor")


def test_a_stable_predictor_without_a_name_has_the_services_own() -> None:
    canary = {"trafficPercent": 10, "predictor": predictor("2", "v2")}
    live = read(manifest("Standard", {"predictor": predictor("1"), "canary": [canary]}))
    assert arms_of(live).stable == "churn-predictor"


@pytest.mark.parametrize(("names", "said"), [((), "spec.canary is empty"), (("v2", "v3"), r"2 canaries \(v2, v3\)")])
def test_a_standard_service_needs_exactly_one_canary(names: tuple[str, ...], said: str) -> None:
    canaries = [{"trafficPercent": 10, "predictor": predictor("2", name)} for name in names]
    with pytest.raises(NoCanary, match=said):
        arms_of(read(manifest("Standard", {"predictor": predictor("1", "v1"), "canary": canaries})))


def test_knative_arms_are_revisions_of_the_status() -> None:
    live = read(knative("2", **revisions("r2", "r2", "r1"), traffic=("r2", "r1")))
    assert arms_of(live) == Arms("churn", "prod", "r2", "r1")


def test_a_revision_that_is_not_ready_is_no_arm() -> None:
    with pytest.raises(NoCanary, match="canary revision r2 is not ready; ready is r1"):
        arms_of(read(knative("2", **revisions("r2", "r1", "r1"), traffic=("r1",))))


def test_both_revisions_must_be_routed() -> None:
    with pytest.raises(NoCanary, match="the traffic list shows r2, while r1 is rolled out"):
        arms_of(read(knative("2", **revisions("r2", "r2", "r1"), traffic=("r2",))))


def test_one_revision_that_is_split_with_itself_is_no_canary() -> None:
    with pytest.raises(NoCanary, match="r1 is rolled out and r1 is the latest"):
        arms_of(read(knative("2", **revisions("r1", "r1", "r1"), traffic=("r1", "r1"))))


def test_another_revision_of_the_champion_is_no_canary() -> None:
    # It stands for a moment after a canary was taken off.
    with pytest.raises(NoCanary, match="holds the champion 1"):
        arms_of(read(knative("1", **revisions("r3", "r3", "r1"), traffic=("r3", "r1"))))


def test_a_new_knative_service_without_a_status_has_no_canary() -> None:
    with pytest.raises(NoCanary, match=r"canary revision \(none\) is not ready"):
        arms_of(read(manifest("Knative", {"predictor": predictor("2")})))
