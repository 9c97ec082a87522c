"""Does a manifest stand before KServe's schema and its webhook, which disagree about one field?"""

from typing import Any

from kfp_lifecycle.core.inference_service import Mode
from kfp_lifecycle.core.service_manifests import CONTAINER, canary_spec, predictor, stable_spec


def arm(version: str) -> dict[str, Any]:
    return predictor(
        Mode.STANDARD, arm_name=f"v{version}", version=version, digest="d", uri=f"s3://m/{version}", runtime="r"
    )


def test_a_model_names_its_container_below_canary_and_nowhere_else() -> None:
    spec = canary_spec(Mode.STANDARD, arm("1"), arm("2"), 10)
    assert spec["canary"][0]["predictor"]["model"]["name"] == CONTAINER
    assert "name" not in spec["predictor"]["model"]


def test_a_canary_that_becomes_stable_loses_the_containers_name() -> None:
    canary = canary_spec(Mode.STANDARD, arm("1"), arm("2"), 10)["canary"][0]["predictor"]
    assert stable_spec(canary) == {"predictor": arm("2")}
    assert canary_spec(Mode.STANDARD, canary, arm("3"), 10)["predictor"] == arm("2")


def test_a_knative_canary_stands_in_spec_predictor_and_names_none() -> None:
    assert "name" not in canary_spec(Mode.KNATIVE, arm("1"), arm("2"), 10)["predictor"]["model"]


def test_more_variables_stand_after_ours_unless_the_overrides_name_them_too() -> None:
    spec = predictor(
        Mode.STANDARD,
        arm_name="v1",
        version="1",
        digest="d",
        uri="s3://m/1",
        runtime="r",
        variables={"LOG": "s3://logs", "SECONDS": "5"},
        overrides={"model": {"env": [{"name": "LOG", "value": ""}, {"name": "MORE", "value": "x"}]}},
    )
    variables = [(each["name"], each["value"]) for each in spec["model"]["env"]]
    assert variables[2:] == [("SECONDS", "5"), ("LOG", ""), ("MORE", "x")]
