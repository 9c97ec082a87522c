"""Who is champion and who is canary, read from a live InferenceService."""

from __future__ import annotations

from typing import Any

import pytest

from kfp_lifecycle.core import inference_service, service_addresses, service_manifests
from kfp_lifecycle.core.inference_service import Mode, mode_named


def predictor(mode: Mode, version: str) -> dict[str, Any]:
    return service_manifests.predictor(
        mode, arm_name=f"v{version}", version=version, digest=version * 64, uri=f"s3://m/{version}", runtime="r"
    )


def live(mode: Mode, spec: dict[str, Any], champion: str = "1") -> inference_service.LiveService:
    return inference_service.read(
        service_manifests.manifest(
            service="churn",
            namespace="team",
            mode=mode,
            model="m",
            spec=spec,
            champion_version=champion,
            resource_version="5",
        )
    )


@pytest.mark.parametrize("mode", list(Mode))
def test_a_lone_champion_is_stable_with_everything(mode):
    found = live(mode, service_manifests.stable_spec(predictor(mode, "1")))
    assert found.stable is not None
    assert (found.stable.version, found.stable.weight, found.canaries) == ("1", 100, ())
    assert (found.stable.digest, found.stable.uri) == ("1" * 64, "s3://m/1")
    assert (found.managed, found.model, found.mode, found.champion_version) == (True, "m", mode, "1")


def test_a_standard_canary_stands_beside_the_stable_arm():
    spec = service_manifests.canary_spec(
        Mode.STANDARD, predictor(Mode.STANDARD, "1"), predictor(Mode.STANDARD, "2"), 10
    )
    found = live(Mode.STANDARD, spec)
    assert found.stable is not None and found.canary is not None
    assert [(each.name, each.version, each.weight) for each in (found.stable, found.canary)] == [
        ("v1", "1", 90),
        ("v2", "2", 10),
    ]


def test_a_knative_canary_hides_the_stable_predictor():
    spec = service_manifests.canary_spec(Mode.KNATIVE, predictor(Mode.KNATIVE, "1"), predictor(Mode.KNATIVE, "2"), 10)
    found = live(Mode.KNATIVE, spec)
    assert found.stable is None and found.canary is not None
    assert (found.canary.version, found.canary.weight) == ("2", 10)
    assert "canaryTrafficPercent" not in found.canary.predictor


def test_a_champion_that_was_just_put_back_is_no_canary():
    found = live(Mode.KNATIVE, service_manifests.parked_spec(predictor(Mode.KNATIVE, "1")))
    assert found.stable is not None
    assert (found.stable.version, found.canaries) == ("1", ())


def test_a_version_without_a_champion_is_stable_though_unproven():
    found = live(Mode.KNATIVE, service_manifests.stable_spec(predictor(Mode.KNATIVE, "1")), champion="")
    assert found.stable is not None
    assert (found.stable.version, found.champion_version) == ("1", "")


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("Standard", Mode.STANDARD),
        ("RawDeployment", Mode.STANDARD),
        ("Knative", Mode.KNATIVE),
        ("Serverless", Mode.KNATIVE),
        ("standard", Mode.STANDARD),
        ("", None),
        ("ModelMesh", None),
    ],
)
def test_modes_are_known_by_their_old_names_too(name, mode):
    assert mode_named(name) is mode


def test_a_service_that_somebody_else_made_is_not_ours_and_runs_in_kserves_default_mode():
    found = inference_service.read(
        {
            "metadata": {"name": "theirs", "namespace": "team", "resourceVersion": "1"},
            "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://x"}}},
        }
    )
    assert (found.managed, found.mode, found.champion_version, found.status) == (False, Mode.KNATIVE, "", {})


def test_each_arm_has_an_address_of_its_own():
    assert (
        service_addresses.arm_host(Mode.STANDARD, "churn", "team", "example.com", "v2")
        == "churn-v2-predictor.team.svc.cluster.local"
    )
    assert (
        service_addresses.arm_host(Mode.KNATIVE, "churn", "team", "example.com", "")
        == "latest-churn-predictor.team.example.com"
    )
    assert service_addresses.service_host("churn", "team", "example.com") == "churn-team.example.com"
    assert service_addresses.workload("churn", "") == "churn-predictor"
