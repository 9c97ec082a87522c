"""Do the manifests name what the code reads and calls?"""

from __future__ import annotations

import re
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


def offered() -> list[tuple[str, int]]:
    """Each key of the ConfigMap, commented out or not, with its line."""
    lines = (FOLDER / "settings.yaml").read_text(encoding="utf-8").partition("---")[0].splitlines()
    keys = [(re.match(r"  (?:# )?([A-Z][A-Z_]+): ", line), number) for number, line in enumerate(lines)]
    return [(match.group(1), number) for match, number in keys if match]


def test_the_configmap_and_the_secret_hold_every_setting_and_nothing_else() -> None:
    config_map, secret = load("settings.yaml")
    assert config_map["metadata"]["name"] == settings.CONFIG_MAP
    assert secret["metadata"]["name"] == settings.SECRET
    assert [name for name, _ in offered()] == list(settings.FROM_CONFIG_MAP)
    assert set(config_map["data"]) <= set(settings.FROM_CONFIG_MAP)
    assert tuple(secret["stringData"]) == settings.FROM_SECRET


def test_the_example_secret_is_empty() -> None:
    _, secret = load("settings.yaml")
    assert set(secret["stringData"].values()) == {""}


def test_every_setting_is_explained_above_it() -> None:
    lines = (FOLDER / "settings.yaml").read_text(encoding="utf-8").splitlines()
    for name, place in offered():
        assert re.match(r"  # [^:]* [^:]* ", lines[place - 1]), name


def test_defaults_in_the_configmap_are_those_of_the_code() -> None:
    config_map, _ = load("settings.yaml")
    shown = {name: value for name, value in config_map["data"].items() if name in settings.DEFAULTS}
    assert len(shown) >= 3
    assert shown == {name: settings.DEFAULTS[name] for name in shown}


def test_a_key_that_an_image_may_set_itself_is_commented_out() -> None:
    # The ConfigMap's value would win over the ENV of a user's own image.
    config_map, _ = load("settings.yaml")
    assert settings.IMPORT_ROOTS not in config_map["data"]


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
    assert kinds == {
        "Role",
        "RoleBinding",
        "ConfigMap",
        "Secret",
        "ServingRuntime",
        "ServiceAccount",
        "CronJob",
    }
