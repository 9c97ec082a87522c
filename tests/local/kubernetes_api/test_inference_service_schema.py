"""Is the stored schema of an InferenceService the one that the installed KServe SDK gives, and does it say enough?"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kfp_lifecycle.local.kubernetes_api.resources import KINDS
from kfp_lifecycle.local.kubernetes_api.schema import schema_of
from kfp_lifecycle.local.kubernetes_api.schemas import generate
from kfp_lifecycle.local.kubernetes_api.validation import causes
from kfp_lifecycle.local.settings import serve_python

SERVICE = schema_of(next(kind for kind in KINDS if kind.kind == "InferenceService"))


def model(**types: str) -> type:
    """A model as the generators of both clients write them, with no field that must be set."""
    names = {name: name for name in types}
    return type("Model", (SimpleNamespace,), {"openapi_types": types, "attribute_map": names})


def refused(spec: dict[str, Any]) -> list[str]:
    return [cause.field for cause in causes({"spec": spec}, SERVICE)]


def test_the_stored_schema_is_the_one_of_the_installed_sdk(tmp_path: Path) -> None:
    made = tmp_path / "made.json"
    subprocess.run([serve_python(), "-P", generate.__file__, made], check=True, timeout=120)
    stored = Path(generate.__file__).with_name("inference_service.json")
    assert made.read_text() == stored.read_text(), "run local/kubernetes_api/schemas/generate.py"


def test_a_model_inside_itself_ends_as_any_object() -> None:
    found = generate.schema_of("V1Node", lambda name: model(child="V1Node", name="str"))
    assert found["properties"]["child"] == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def test_shared_parts_give_the_whole_again() -> None:
    part = {"type": "object", "properties": {"a": {"type": "string"}}}
    whole = {"properties": {"one": part, "two": {"type": "array", "items": part}}}
    root, parts = generate.shared(whole)
    assert json.dumps(root).count("$ref") == 2
    assert parts == [part]


def test_only_a_model_of_a_canary_needs_the_name_of_its_container() -> None:
    bare = {"model": {"modelFormat": {"name": "sklearn"}}}
    named = {"model": {**bare["model"], "name": "kserve-container"}}
    assert refused({"predictor": bare, "canary": [{"trafficPercent": 1, "predictor": named}]}) == []
    assert refused({"predictor": bare, "canary": [{"trafficPercent": 1, "predictor": bare}]}) == [
        "spec.canary[0].predictor.model.name"
    ]


@pytest.mark.parametrize("amount", [1, "500m", "2Gi", "1e3"])
def test_a_quantity_is_a_number_or_text(amount: int | str) -> None:
    assert refused({"predictor": {"model": {"resources": {"limits": {"cpu": amount}}}}}) == []


@pytest.mark.parametrize("amount", ["lots", True, ["1"], 0.5])
def test_anything_else_is_no_quantity(amount: Any) -> None:
    path = "spec.predictor.model.resources.limits.cpu"
    assert refused({"predictor": {"model": {"resources": {"limits": {"cpu": amount}}}}}) == [path]
