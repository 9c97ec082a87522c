"""Does the CronJob run the sweep, with the Role and the settings of the steps and no right more?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kfp_lifecycle.cli.__main__ import main
from kfp_lifecycle.components import images
from kfp_lifecycle.core import settings

FOLDER = Path(__file__).parents[2] / "kserve" / "manifests"


@pytest.fixture
def parts() -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in yaml.safe_load_all((FOLDER / "sweep-cronjob.yaml").read_text("utf-8"))}


@pytest.fixture
def pod(parts: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = parts["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


def test_it_runs_every_five_minutes_and_never_twice_at_once(parts: dict[str, Any]) -> None:
    assert parts["CronJob"]["spec"]["schedule"] == "*/5 * * * *"
    assert parts["CronJob"]["spec"]["concurrencyPolicy"] == "Forbid"


def test_its_command_is_one_of_the_command_line(pod: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    program, *arguments = pod["containers"][0]["command"]
    assert program == "kfp-lifecycle"
    with pytest.raises(SystemExit, match="0"):
        main([*arguments, "--help"])
    assert "--environment" in capsys.readouterr().out


def test_its_image_is_that_of_the_release_steps(pod: dict[str, Any]) -> None:
    assert pod["containers"][0]["image"] == images.reference("release")


def test_its_service_account_gets_the_generated_role(parts: dict[str, Any], pod: dict[str, Any]) -> None:
    [role] = yaml.safe_load_all((FOLDER / "role.yaml").read_text("utf-8"))
    assert parts["RoleBinding"]["roleRef"]["name"] == role["metadata"]["name"]
    account = parts["ServiceAccount"]["metadata"]["name"]
    assert [subject["name"] for subject in parts["RoleBinding"]["subjects"]] == [account]
    assert pod["serviceAccountName"] == account


def test_it_reads_the_settings_of_the_steps_and_can_do_without_them(pod: dict[str, Any]) -> None:
    config_map, secret = pod["containers"][0]["envFrom"]
    assert config_map["configMapRef"] == {"name": settings.CONFIG_MAP, "optional": True}
    assert secret["secretRef"] == {"name": settings.SECRET, "optional": True}


def test_it_is_no_root_and_writes_to_its_scratch_folder_only(pod: dict[str, Any]) -> None:
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]
    assert set(container["resources"]) == {"requests", "limits"}
