"""Where is a release's version, as its live service says?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kfp_lifecycle.core import inference_service, service_manifests
from kfp_lifecycle.core.inference_service import Mode
from kfp_lifecycle.core.release import Release, State
from kfp_lifecycle.core.release_place import Place, champion_before, found_instead, place
from kfp_lifecycle.core.service_manifests import (
    canary_spec,
    dark_spec,
    parked_spec,
    predictor,
    promoted_spec,
    stable_spec,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MODES = pytest.mark.parametrize("mode", list(Mode))


def arm(mode: Mode, version: str, **overrides: Any) -> dict[str, Any]:
    return predictor(
        mode,
        arm_name=f"v{version}",
        version=version,
        digest=f"digest-{version}",
        uri=f"s3://m/{version}",
        runtime="r",
        overrides=overrides,
    )


def live(mode: Mode, spec: dict[str, Any], champion: str) -> inference_service.LiveService:
    manifest = service_manifests.manifest(
        service="churn", namespace="team", mode=mode, model="churn", spec=spec, champion_version=champion,
        resource_version="1",
    )  # fmt: skip
    return inference_service.read(manifest)


def released(mode: Mode) -> Release:
    previous = stable_spec(arm(mode, "1"))
    return Release("run", 2, State.SERVING, NOW, "1", "2", "digest-2", "s3://m/2", 10, previous, NOW)


@MODES
def test_a_release_is_found_at_each_of_its_stations(mode: Mode) -> None:
    first, second, held = arm(mode, "1"), arm(mode, "2"), released(mode)
    assert place(live(mode, stable_spec(first), "1"), held) is Place.ABSENT
    assert place(live(mode, canary_spec(mode, first, second, 10), "1"), held) is Place.CANARY
    assert place(live(mode, dark_spec(mode, first, second), "1"), held) is Place.CANARY
    assert place(live(mode, promoted_spec(mode, first, second), "2"), held) is Place.CHAMPION


def test_knative_parks_the_champion_at_a_share_of_0() -> None:
    assert place(live(Mode.KNATIVE, parked_spec(arm(Mode.KNATIVE, "1")), "1"), released(Mode.KNATIVE)) is Place.PARKED


@MODES
def test_what_nobody_of_ours_wrote_is_foreign(mode: Mode) -> None:
    first, second, third, held = arm(mode, "1"), arm(mode, "2"), arm(mode, "3"), released(mode)
    assert place(live(mode, canary_spec(mode, first, second, 10), "7"), held) is Place.FOREIGN
    assert place(live(mode, canary_spec(mode, first, third, 10), "1"), held) is Place.FOREIGN
    assert place(live(mode, stable_spec(first), "2"), held) is Place.FOREIGN
    other = replace(held, digest="other")
    assert place(live(mode, canary_spec(mode, first, second, 10), "1"), other) is Place.FOREIGN


def test_a_second_canary_is_foreign() -> None:
    spec = canary_spec(Mode.STANDARD, arm(Mode.STANDARD, "1"), arm(Mode.STANDARD, "2"), 10)
    spec["canary"].append({"trafficPercent": 5, "predictor": arm(Mode.STANDARD, "3")})
    assert place(live(Mode.STANDARD, spec, "1"), released(Mode.STANDARD)) is Place.FOREIGN


def test_the_champion_before_is_the_recorded_one() -> None:
    before = champion_before(released(Mode.STANDARD))
    assert (before.version, before.digest, before.uri, before.name) == ("1", "digest-1", "s3://m/1", "v1")


def test_what_was_found_is_said_with_its_shares() -> None:
    spec = canary_spec(Mode.STANDARD, arm(Mode.STANDARD, "1"), arm(Mode.STANDARD, "2"), 10)
    assert found_instead(live(Mode.STANDARD, spec, "1")) == "champion 1, canary version 2 at 10 %"
    assert found_instead(live(Mode.STANDARD, stable_spec(arm(Mode.STANDARD, "1")), "")) == "champion none, no canary"


@pytest.mark.parametrize(("champions", "expected"), [(1, 1), (2, 1), (3, 2), (4, 2)])
def test_a_version_at_0_percent_has_half_of_the_champions_pods(champions: int, expected: int) -> None:
    stable = arm(Mode.STANDARD, "1", minReplicas=champions)
    spec = dark_spec(Mode.STANDARD, stable, arm(Mode.STANDARD, "2", minReplicas=9))
    assert spec["canary"][0]["trafficPercent"] == 0
    assert spec["canary"][0]["predictor"]["minReplicas"] == expected
    assert spec["predictor"]["minReplicas"] == champions


def test_a_knative_version_at_0_percent_keeps_a_pod() -> None:
    bare = {key: value for key, value in arm(Mode.KNATIVE, "2").items() if key != "minReplicas"}
    spec = dark_spec(Mode.KNATIVE, {}, bare)
    assert (spec["predictor"]["canaryTrafficPercent"], spec["predictor"]["minReplicas"]) == (0, 1)


def test_a_promotion_passes_the_replicas_on_in_standard_mode_only() -> None:
    for mode, expected in ((Mode.STANDARD, 4), (Mode.KNATIVE, 1)):
        spec = promoted_spec(mode, arm(mode, "1", minReplicas=4), arm(mode, "2"))
        assert spec["predictor"]["minReplicas"] == expected
        assert "canary" not in spec
