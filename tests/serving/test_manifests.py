"""The YAML that a cluster gets."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import kfp_lifecycle
from kfp_lifecycle.serving.arguments import parse_arguments

MANIFESTS = Path(__file__).resolve().parents[2] / "kserve" / "manifests"
SERVICES = sorted(MANIFESTS.glob("inferenceservice-*.yaml"))

ROUND_TRIP = """
import json, sys
from types import SimpleNamespace
import kserve.models, kubernetes.client.models
from kserve import ApiClient
# The SDK's models refer to Kubernetes' own types, which live in the other package.
for name, kind in vars(kubernetes.client.models).items():
    if name.startswith("V1") and not hasattr(kserve.models, name):
        setattr(kserve.models, name, kind)
client = ApiClient()
kinds = {"InferenceService": "V1beta1InferenceService", "ServingRuntime": "V1alpha1ServingRuntime"}
given = json.load(sys.stdin)
models = [client.deserialize(SimpleNamespace(data=json.dumps(one)), kinds[one["kind"]]) for one in given]
canaries = [type(canary).__name__ for model in models for canary in getattr(model.spec, "canary", None) or []]
print(json.dumps({"back": [client.sanitize_for_serialization(model) for model in models], "canaries": canaries}))
"""


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def without_empty_texts(value: Any) -> Any:
    """The SDK gives a model's container the name ""; that is an addition, not a loss."""
    if isinstance(value, dict):
        return {key: without_empty_texts(inner) for key, inner in value.items() if inner != ""}
    return [without_empty_texts(inner) for inner in value] if isinstance(value, list) else value


def test_the_kserve_sdk_reads_and_writes_every_manifest_without_losing_a_field(serve_python: Path) -> None:
    given = [load(path) for path in [*SERVICES, MANIFESTS / "servingruntime.yaml"]]
    done = subprocess.run(
        [str(serve_python), "-c", ROUND_TRIP], input=json.dumps(given).encode(), stdout=subprocess.PIPE, check=True
    )
    seen = json.loads(done.stdout)
    assert without_empty_texts(seen["back"]) == given
    assert seen["canaries"] == ["V1beta1CanarySpec"]


def test_there_is_an_example_for_each_mode_alone_and_with_a_canary() -> None:
    found = {
        (
            service["metadata"]["annotations"]["serving.kserve.io/deploymentMode"],
            "canary" in service["spec"],
            "canaryTrafficPercent" in service["spec"]["predictor"],
        )
        for service in map(load, SERVICES)
    }
    assert found == {
        ("Standard", False, False),
        ("Standard", True, False),
        ("Knative", False, False),
        ("Knative", False, True),
    }


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_every_arm_names_our_runtime_and_pins_the_digest_of_its_uri(path: Path) -> None:
    service = load(path)
    runtime = load(MANIFESTS / "servingruntime.yaml")
    predictors = [service["spec"]["predictor"], *(arm["predictor"] for arm in service["spec"].get("canary", []))]
    for predictor in predictors:
        model = predictor["model"]
        variables = {variable["name"]: variable["value"] for variable in model["env"]}
        assert model["runtime"] == runtime["metadata"]["name"]
        assert model["modelFormat"]["name"] in [f["name"] for f in runtime["spec"]["supportedModelFormats"]]
        assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
        assert model["storageUri"].endswith("/" + variables["KFP_LIFECYCLE_MODEL_DIGEST"])
        name = predictor.get("name", f"v{variables['KFP_LIFECYCLE_MODEL_VERSION']}")
        assert name == f"v{variables['KFP_LIFECYCLE_MODEL_VERSION']}"


def test_the_runtime_starts_the_predictor_with_words_that_it_knows_as_nobody_special() -> None:
    (container,) = load(MANIFESTS / "servingruntime.yaml")["spec"]["containers"]
    assert container["image"].endswith(f"kfp-lifecycle-python-serve:{kfp_lifecycle.__version__}")
    assert container["command"] == ["python", "-m", "kfp_lifecycle.serving"]
    arguments = parse_arguments(container["args"], {})
    assert (arguments.model_name, str(arguments.model_dir)) == ("{{.Name}}", "/mnt/models")
    assert arguments.http_port == container["ports"][0]["containerPort"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/v2/models/{{.Name}}/ready"
    security = container["securityContext"]
    assert (security["runAsNonRoot"], security["allowPrivilegeEscalation"]) == (True, False)
    assert security["capabilities"] == {"drop": ["ALL"]}
