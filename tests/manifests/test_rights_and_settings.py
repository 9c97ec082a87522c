"""Do the manifests name what the code reads and calls?"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kfp_lifecycle.core import settings

FOLDER = Path(__file__).parents[2] / "kserve" / "manifests"


def load(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


def test_the_configmap_and_the_secret_hold_every_setting_and_nothing_else() -> None:
    config_map, secret = load("settings.yaml")
    assert config_map["metadata"]["name"] == settings.CONFIG_MAP
    assert secret["metadata"]["name"] == settings.SECRET
    assert tuple(config_map["data"]) == settings.FROM_CONFIG_MAP
    assert tuple(secret["stringData"]) == settings.FROM_SECRET


def test_the_example_secret_is_empty() -> None:
    _, secret = load("settings.yaml")
    assert set(secret["stringData"].values()) == {""}


def test_every_setting_is_explained_above_it() -> None:
    lines = (FOLDER / "settings.yaml").read_text(encoding="utf-8").splitlines()
    for name in settings.FROM_CONFIG_MAP:
        place = next(i for i, line in enumerate(lines) if line.startswith(f"  {name}: "))
        assert lines[place - 1].lstrip().startswith("# "), name


def test_defaults_in_the_configmap_are_those_of_the_code() -> None:
    config_map, _ = load("settings.yaml")
    assert {name: config_map["data"][name] for name in settings.DEFAULTS} == settings.DEFAULTS


def test_the_bindings_bind_the_generated_role() -> None:
    [role] = load("role.yaml")
    for binding in load("rolebindings.yaml"):
        assert binding["roleRef"] == {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": role["kind"],
            "name": role["metadata"]["name"],
        }
    subjects = {binding["subjects"][0]["name"] for binding in load("rolebindings.yaml")}
    assert subjects == {"default-editor", "pipeline-runner"}


def test_the_role_grants_no_wildcard_no_secret_and_no_deletion() -> None:
    [role] = load("role.yaml")
    for rule in role["rules"]:
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
        assert "secrets" not in rule["resources"]
        assert "delete" not in rule["verbs"]


def test_the_kustomization_builds() -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    built = subprocess.run(["kubectl", "kustomize", str(FOLDER)], check=True, capture_output=True, text=True).stdout
    kinds = {document["kind"] for document in yaml.safe_load_all(built)}
    assert kinds == {"Role", "RoleBinding", "ConfigMap", "Secret", "ServingRuntime"}
