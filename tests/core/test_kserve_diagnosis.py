"""What is a canary worth on which cluster?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from kfp_lifecycle.core.diagnosis import Level
from kfp_lifecycle.core.inference_service import Mode
from kfp_lifecycle.core.kserve_diagnosis import Canary, judge_canary, judge_version, section, version_in

STANDARD = Canary(
    mode=Mode.STANDARD, knative=False, version=(0, 21), gateway_api=True, routes=True, accepted=True
)  # fmt: skip
KNATIVE = replace(STANDARD, mode=Mode.KNATIVE, knative=True, gateway_api=False, routes=False)
UNKNOWN_FIELD = 'strict decoding error: unknown field "spec.canary"'


@pytest.mark.parametrize(
    ("facts", "level", "said", "fix"),
    [
        (STANDARD, Level.OK, "spec.canary[] splits by the weights of an HTTPRoute (a dry run was accepted)", ""),
        (replace(STANDARD, mode=None), Level.OK, "Standard mode", ""),
        (replace(STANDARD, version=None), Level.OK, "Standard mode", ""),
        (replace(STANDARD, version=(0, 20)), Level.FAILURE, "KServe 0.20 a canary runs and gets no share", "0.21"),
        (replace(STANDARD, gateway_api=False), Level.FAILURE, "enableGatewayApi is false", "enableGatewayApi to true"),
        (replace(STANDARD, routes=False), Level.FAILURE, "no HTTPRoute", "Install the Gateway API"),
        (replace(STANDARD, gateway_api=None), Level.WARNING, "cannot be told: enableGatewayApi", "--kubeconfig"),
        (replace(STANDARD, accepted=None), Level.WARNING, "cannot be told: the schema", "--kubeconfig"),
        (replace(STANDARD, accepted=False, said=UNKNOWN_FIELD), Level.FAILURE, "spec.canary", "Upgrade KServe to 0.21"),
        (replace(STANDARD, accepted=False, said="denied by a policy"), Level.WARNING, "denied by", "Change that rule"),
        (KNATIVE, Level.OK, "canaryTrafficPercent splits between revisions", ""),
        (replace(KNATIVE, mode=None), Level.OK, "Knative mode", ""),
        (replace(KNATIVE, version=(0, 15)), Level.OK, "Knative mode", ""),
        (replace(KNATIVE, knative=False), Level.FAILURE, "serves no Knative", "Install Knative Serving"),
        (replace(KNATIVE, knative=None), Level.WARNING, "whether Knative Serving is there", "api-resources"),
        (replace(KNATIVE, accepted=False, said="no"), Level.WARNING, "refused: no", "Change that rule"),
        (replace(STANDARD, mode=None, knative=None), Level.WARNING, "cannot be told", "Standard or Knative"),
    ],
)
def test_a_canary_is_judged_by_mode_version_schema_and_route(facts: Canary, level: Level, said: str, fix: str) -> None:
    found = judge_canary("canary", facts)
    assert found.level is level
    assert said in found.text
    assert fix in found.remedy


def test_an_older_kserve_is_untested_and_an_unknown_one_is_to_be_looked_at() -> None:
    assert judge_version("v", (0, 21), "x").level is Level.OK
    assert "nobody tested below 0.21" in judge_version("v", (0, 20), "x").text
    assert "0.21 or later" in judge_version("v", None, "x").remedy


def test_a_section_that_is_no_object_counts_as_empty() -> None:
    assert section({"data": {"ingress": "[1]", "deploy": "{"}}, "ingress") == {}
    assert section({"data": {"deploy": "{"}}, "deploy") == {}
    assert section({}, "deploy") == {}
    assert version_in({"data": {"storageInitializer": '{"image": "kserve/storage-initializer:v0.20.1"}'}}) == (0, 20)
