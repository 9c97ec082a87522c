"""Does what a settings file says reach the compiled pipelines, and nothing else?"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler, dsl

from kfp_lifecycle.cli.compile import main
from kfp_lifecycle.components import collect, split, sweep
from kfp_lifecycle.core import settings
from kfp_lifecycle.pipelines.settings import compiling_with, configured, load_task_settings

ROOT = Path(__file__).parents[2]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FILE = """
own_components: [add_ratios]
defaults:
  config_map: team-lifecycle
  secret: team-credentials
  tmp: 1Gi
  labels: {team: returns, cost: ml}
  annotations: {prometheus.io/scrape: "false"}
  image_pull_secrets: [registry]
  node_selector: {disktype: ssd, zone: a}
  retries: 5
  cache: false
tasks:
  train:
    cpu: {request: "4", limit: "8"}
    memory: {limit: 16Gi}
    accelerator: {type: nvidia.com/gpu, count: 1}
    tolerations:
      - {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}
      - {key: spot, value: "yes", effect: NoExecute, seconds: 60}
    timeout_seconds: 7200
    secrets: {feature-store: [FEATURES_TOKEN]}
    config_maps: {regions: [REGION]}
  add_ratios:
    cpu: {limit: "1"}
    secrets: {kfp-lifecycle: [AWS_ACCESS_KEY_ID]}
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "settings.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def with_settings(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("with")
    assert main(["--out", str(out), "--settings", str(file)]) == 0
    return out


def documents(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pipeline, and what its executors get on Kubernetes."""
    pipeline, platform = yaml.load_all(path.read_text(encoding="utf-8"), Loader=LOADER)
    return pipeline, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.yaml"))}


def test_a_file_that_says_nothing_changes_no_byte(build: Path, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("defaults: {}\n", encoding="utf-8")
    assert main(["--out", str(tmp_path / "out"), "--settings", str(tmp_path / "settings.yaml")]) == 0
    assert contents(tmp_path / "out") == contents(build)


def test_compiling_again_without_a_file_has_forgotten_it(build: Path, with_settings: Path, tmp_path: Path) -> None:
    assert contents(with_settings) != contents(build)
    assert main(["--out", str(tmp_path)]) == 0
    assert contents(tmp_path) == contents(build)


def test_another_process_writes_the_same_bytes(file: Path, with_settings: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "compile.py"), "--out", str(tmp_path), "--settings", str(file)],
        env={**os.environ, "PYTHONHASHSEED": "4242"},
        check=True,
        capture_output=True,
    )
    assert contents(tmp_path) == contents(with_settings)


def test_every_task_has_the_defaults(with_settings: Path) -> None:
    for name in ("train_and_release", "roll_back_release", "sweep_releases"):
        pipeline, platform = documents(with_settings / "pipelines" / f"{name}.yaml")
        assert set(platform) == set(pipeline["deploymentSpec"]["executors"])
        for given in platform.values():
            assert given["emptyDirMounts"] == [{"volumeName": "tmp", "mountPath": "/tmp", "sizeLimit": "1Gi"}]
            assert given["podMetadata"]["labels"] == {"team": "returns", "cost": "ml"}
            assert given["podMetadata"]["annotations"]["prometheus.io/scrape"] == "false"
            assert [it["secretName"] for it in given["imagePullSecret"]] == ["registry"]
            assert given["nodeSelector"]["labels"] == {"disktype": "ssd", "zone": "a"}
            names = {it["configMapName"] for it in given.get("configMapAsEnv", [])} - {"regions"}
            assert names <= {"team-lifecycle"}


def test_a_task_of_its_own_has_all_of_it(with_settings: Path) -> None:
    pipeline, platform = documents(with_settings / "pipelines" / "train_and_release.yaml")
    given = platform["exec-train"]
    assert pipeline["deploymentSpec"]["executors"]["exec-train"]["container"]["resources"] == {
        "cpuRequest": 4.0,
        "cpuLimit": 8.0,
        "memoryRequest": 4.294967296,
        "memoryLimit": 17.179869184,
        "resourceCpuRequest": "4",
        "resourceCpuLimit": "8",
        "resourceMemoryRequest": "4Gi",
        "resourceMemoryLimit": "16Gi",
        "accelerator": {
            "count": "1",
            "resourceCount": "1",
            "type": "nvidia.com/gpu",
            "resourceType": "nvidia.com/gpu",
        },
    }
    assert given["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "spot", "operator": "Equal", "value": "yes", "effect": "NoExecute", "tolerationSeconds": "60"},
    ]
    assert given["activeDeadlineSeconds"] == "7200"
    secrets = {it["secretName"]: it for it in given["secretAsEnv"]}
    assert set(secrets) == {"team-credentials", "feature-store"}
    assert secrets["feature-store"]["keyToEnv"] == [{"secretKey": "FEATURES_TOKEN", "envVar": "FEATURES_TOKEN"}]
    assert secrets["team-credentials"]["optional"] and not secrets["feature-store"].get("optional")
    assert [it["configMapName"] for it in given["configMapAsEnv"]] == ["team-lifecycle", "regions"]
    assert "tolerations" not in platform["exec-deploy"]


def test_retries_and_caching_go_as_far_as_a_step_allows(with_settings: Path) -> None:
    pipeline, _ = documents(with_settings / "pipelines" / "roll_back_release.yaml")
    tasks = pipeline["root"]["dag"]["tasks"]
    assert tasks["roll-back"]["retryPolicy"]["maxRetryCount"] == 5
    assert "retryPolicy" not in tasks["conclude"]
    assert not any(task["cachingOptions"].get("enableCache") for task in tasks.values())


def test_a_limit_below_the_request_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("defaults: {memory: {limit: 1Gi}}\n", encoding="utf-8")
    assert main(["--out", str(tmp_path / "out"), "--settings", str(file)]) == 2
    message = capsys.readouterr().err
    assert "memory.limit of" in message and "'1Gi'" in message and ".memory.request" in message
    assert not (tmp_path / "out").exists()


def test_manifests_for_a_cluster_hold_the_settings_too(file: Path, tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path), "--settings", str(file), "--format", "kubernetes"]) == 0
    text = (tmp_path / "kubernetes" / "sweep_releases.yaml").read_text(encoding="utf-8")
    _, version = yaml.safe_load_all(text)
    executors = version["spec"]["platformSpec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors["exec-sweep"]["emptyDirMounts"]


@dsl.component(base_image="example.com/own-python:1", install_kfp_package=False)
def add_ratios(table: dsl.Input[dsl.Dataset], wider: dsl.Output[dsl.Dataset]):
    pass


def sweep_only() -> None:
    configured(sweep())


@pytest.mark.parametrize("way", ["argument", "block"])
def test_a_users_own_pipeline_takes_the_file_too(file: Path, tmp_path: Path, way: str) -> None:
    chosen = load_task_settings(file)
    given = chosen if way == "argument" else None

    def own(uri: str) -> None:
        table = configured(collect(uri=uri), given).outputs["table"]
        wider = configured(add_ratios(table=table), given).outputs["wider"]
        configured(split(table=wider), given)

    if way == "argument":
        built = dsl.pipeline(name="own")(own)
    else:
        with compiling_with(chosen):
            built = dsl.pipeline(name="own")(own)
    compiler.Compiler().compile(built, str(tmp_path / "own.yaml"))
    compiler.Compiler().compile(dsl.pipeline(name="own")(sweep_only), str(tmp_path / "after.yaml"))
    assert "disktype" not in (tmp_path / "after.yaml").read_text(encoding="utf-8")
    pipeline, platform = documents(tmp_path / "own.yaml")
    added = platform["exec-add-ratios"]
    # What a component reads that is not ours is not known, so it gets every setting, and the secrets it is given.
    assert [pair["envVar"] for pair in added["configMapAsEnv"][0]["keyToEnv"]] == list(settings.FROM_CONFIG_MAP)
    assert [(it["secretName"], len(it["keyToEnv"])) for it in added["secretAsEnv"]] == [("kfp-lifecycle", 1)]
    container = pipeline["deploymentSpec"]["executors"]["exec-add-ratios"]["container"]
    assert container["resources"]["resourceCpuLimit"] == "1"
    assert not pipeline["root"]["dag"]["tasks"]["split"]["cachingOptions"].get("enableCache")
