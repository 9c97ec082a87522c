"""What KServe's webhook refuses."""

from __future__ import annotations

from typing import Any

import pytest
from tests.local.kserve_controller.observed import predictor, service

from kfp_lifecycle.local.kserve_controller.admission import refusal

STABLE = predictor("1", name="v1")


def canary(version: str = "2", **fields: Any) -> dict[str, Any]:
    return predictor(version, name=f"v{version}") | fields


def with_mode(mode: str | None) -> dict[str, Any]:
    manifest = service(STABLE, (10, canary()))
    manifest["metadata"]["annotations"] = {} if mode is None else {"serving.kserve.io/deploymentMode": mode}
    return manifest


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (with_mode(None), "canary is only supported in Standard deployment mode"),
        (with_mode("RawDeployment"), "canary is only supported in Standard deployment mode"),
        (service(STABLE, (10, predictor("2"))), "canary[0] predictor.name is required"),
        (service(STABLE, (10, canary()), (10, canary())), 'canary predictor.name "v2" is duplicated'),
        (service(STABLE, (10, canary("1"))), 'canary predictor.name "v1" conflicts with stable predictor name'),
        (
            service(STABLE, (60, canary()), (50, canary("3"))),
            "sum of canary trafficPercent values (110) must be <= 100",
        ),
        (service(STABLE, (101, canary())), 'canary "v2" trafficPercent must be between 0 and 100, got 101'),
        (service(STABLE, (10, canary(maxReplicas=3))), 'canary "v2" must not set maxReplicas'),
        (service(STABLE, (10, canary(minReplicas=2))), "must not exceed stable predictor minReplicas (1)"),
        (service({"minReplicas": 1}), "Exactly one of"),
        (service(STABLE | {"model": {**STABLE["model"], "name": "x"}}), "the 'name' field is not allowed"),
    ],
)
def test_a_new_object_is_refused_in_kserves_words(manifest: dict[str, Any], words: str) -> None:
    assert words in refusal(manifest, None)


def test_a_name_must_be_a_label_that_begins_with_a_letter() -> None:
    manifest = service(STABLE)
    manifest["metadata"]["name"] = "1demo"
    assert "must start with alphabetical character" in refusal(manifest, None)


def test_the_mode_cannot_change_once_it_is_settled() -> None:
    old = service(STABLE) | {"status": {"deploymentMode": "Knative"}}
    assert refusal(service(STABLE), old) == (
        "update rejected: deploymentMode cannot be changed from 'Knative' to 'Standard'"
    )


def test_another_predictor_name_needs_another_model() -> None:
    renamed = service(predictor("1", name="v2"))
    assert refusal(renamed, service(STABLE)) == "predictor.name change requires a model change (e.g. storageUri)"
    assert refusal(service(canary()), service(STABLE)) == ""


def test_what_we_write_passes() -> None:
    model_name = {"model": {**canary()["model"], "name": "kserve-container"}}
    assert refusal(service(STABLE, (0, canary() | model_name), (100, canary("3"))), service(STABLE)) == ""
