"""Does the Deployment run the trigger server as the command line takes it, locked down and with the rights it uses?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import yaml

from kfp_lifecycle.adapters.kfp_errors import AUDIENCE
from kfp_lifecycle.cli import trigger_server
from kfp_lifecycle.components import images
from kfp_lifecycle.core import settings
from kfp_lifecycle.triggers import authorization, mapping

FILE = Path(__file__).parents[2] / "kserve" / "manifests" / "trigger-server.yaml"


@pytest.fixture(scope="module")
def parts() -> dict[str, dict[str, Any]]:
    documents = list(yaml.safe_load_all(FILE.read_text("utf-8")))
    assert {each["metadata"]["name"] for each in documents} == {"kfp-lifecycle-triggers"}
    return {each["kind"]: each for each in documents}


@pytest.fixture
def pod(parts: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = parts["Deployment"]["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    [only] = pod["containers"]
    return dict(only)


@pytest.fixture
def arguments(container: dict[str, Any]) -> argparse.Namespace:
    program, command, *given = container["command"]
    assert (program, command) == ("kfp-lifecycle", "trigger-server")
    parser = argparse.ArgumentParser()
    trigger_server.add_parser(parser.add_subparsers())
    return parser.parse_args([command, *given])


def test_it_has_all_its_parts(parts: dict[str, Any]) -> None:
    assert set(parts) == {
        "ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Service", "Deployment", "NetworkPolicy",
    }  # fmt: skip


def test_its_command_names_files_that_are_mounted(
    arguments: argparse.Namespace, container: dict[str, Any], parts: dict[str, Any]
) -> None:
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    for file in (arguments.config, arguments.token_file):
        assert mounts[str(Path(file).parent)]["readOnly"]
    assert Path(arguments.config).name in parts["ConfigMap"]["data"]


def test_others_reach_it_and_only_with_a_secret(arguments: argparse.Namespace) -> None:
    assert not authorization.is_loopback(arguments.host)
    assert arguments.token_file


def test_its_ports_agree(arguments: argparse.Namespace, container: dict[str, Any], parts: dict[str, Any]) -> None:
    [port] = container["ports"]
    assert port["containerPort"] == arguments.port
    [offered] = parts["Service"]["spec"]["ports"]
    assert offered["targetPort"] == port["name"]
    [allowed] = parts["NetworkPolicy"]["spec"]["ingress"][0]["ports"]
    assert allowed["port"] == arguments.port


def test_service_and_policy_choose_its_pods(parts: dict[str, Any]) -> None:
    labels = parts["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    for chosen in (
        parts["Deployment"]["spec"]["selector"]["matchLabels"],
        parts["Service"]["spec"]["selector"],
        parts["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert chosen.items() <= labels


def test_its_probes_are_paths_that_it_serves(container: dict[str, Any]) -> None:
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}


def test_its_mapping_is_one(parts: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "triggers.yaml"
    path.write_text(parts["ConfigMap"]["data"]["triggers.yaml"], encoding="utf-8")
    [rule] = mapping.load(path)
    assert rule.pipeline == "train-and-release"


def test_it_is_no_root_and_writes_to_its_scratch_folder_only(pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")] == ["/tmp"]
    assert set(container["resources"]) == {"requests", "limits"}


def test_its_token_for_kfp_is_of_the_right_audience_and_where_it_is_read(
    pod: dict[str, Any], container: dict[str, Any]
) -> None:
    [volume] = [each for each in pod["volumes"] if "projected" in each]
    [source] = volume["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == AUDIENCE
    [mount] = [each for each in container["volumeMounts"] if each["name"] == volume["name"]]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables[settings.KFP_TOKEN_FILE] == f"{mount['mountPath']}/{source['serviceAccountToken']['path']}"
    assert settings.KFP_ENDPOINT in variables


def test_its_rights_have_no_wildcard_and_reach_no_secret_and_no_service(parts: dict[str, Any]) -> None:
    for rule in parts["Role"]["rules"]:
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
        assert not {"secrets", "inferenceservices", "pods"} & set(rule["resources"])
    assert parts["RoleBinding"]["roleRef"]["name"] == parts["Role"]["metadata"]["name"]
    [subject] = parts["RoleBinding"]["subjects"]
    assert subject["name"] == parts["ServiceAccount"]["metadata"]["name"]


def test_its_image_is_that_of_the_release_steps(container: dict[str, Any]) -> None:
    assert container["image"] == images.reference("release")


def test_it_is_reached_by_named_namespaces_only(parts: dict[str, Any]) -> None:
    spec = parts["NetworkPolicy"]["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert all(source["namespaceSelector"]["matchLabels"] for rule in spec["ingress"] for source in rule["from"])
    assert all(rule["ports"] for rule in spec["egress"])
