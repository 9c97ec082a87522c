"""Do the examples of pipelines and training code of one's own compile and run as their pages say?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient

from kfp_lifecycle import __version__
from kfp_lifecycle.cli.compile import main
from kfp_lifecycle.components import images, metadata
from kfp_lifecycle.core import settings
from kfp_lifecycle.local.cluster import Cluster
from kfp_lifecycle.local.runner import RunResult, run_pipeline

pytestmark = pytest.mark.xdist_group("end_to_end")
EXAMPLES = Path(__file__).parents[2] / "examples"
ROW = {"items": 1.0, "price": 90.0, "region": "south"}
Run = Callable[..., RunResult]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "orders.csv"
    subprocess.run([sys.executable, EXAMPLES / "orders.py", path], check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the pages compile, by one command."""
    out = tmp_path_factory.mktemp("build")
    compose = EXAMPLES / "compose"
    given = ["--pipeline", str(compose / "own_step.py"), "--settings", str(compose / "settings.yaml")]
    assert main(["--out", str(out), "--image", "train=registry.example.com/ml/returns-python-train:1", *given]) == 0
    subprocess.run(
        [
            Path(sys.executable).with_name("kfp"),
            "dsl",
            "compile",
            "--py",
            compose / "from_files.py",
            "--output",
            out / "from_files.yaml",
        ],
        env={**os.environ, "COMPONENTS": str(out / "components")},
        check=True,
        capture_output=True,
    )
    return out


@pytest.fixture
def run_file(cluster: Cluster, tmp_path: Path) -> Run:
    def call(path: Path, *, code: tuple[Path, ...] = (), **parameters: Any) -> RunResult:
        return run_pipeline(path, parameters, state=cluster.state.path, pipeline_root=tmp_path, code=code)

    return call


def test_a_step_of_ones_own_gets_what_the_settings_say_and_the_image_of_its_family(build: Path) -> None:
    pipeline, platform = yaml.safe_load_all((build / "pipelines" / "own_step.yaml").read_text(encoding="utf-8"))
    container = pipeline["deploymentSpec"]["executors"]["exec-add-item-price"]["container"]
    assert container["image"] == "registry.example.com/ml/returns-python-train:1"
    assert container["resources"]["resourceMemoryLimit"] == "2Gi"
    given = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-add-item-price"]
    assert given["emptyDirMounts"][0]["mountPath"] == "/tmp"
    assert given["podMetadata"]["labels"] == {"team": "returns"}
    assert "pip install" not in " ".join(container["command"])


def test_a_pipeline_of_files_gives_its_tasks_what_they_read_and_caches_none(build: Path) -> None:
    pipeline, platform = yaml.safe_load_all((build / "from_files.yaml").read_text(encoding="utf-8"))
    given = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    folders = metadata.folders()
    for label in pipeline["deploymentSpec"]["executors"]:
        known = metadata.load(folders[label.removeprefix("exec-")])
        variables = {
            pair["envVar"]
            for kind in ("configMapAsEnv", "secretAsEnv")
            for each in given[label][kind]
            for pair in each["keyToEnv"]
        }
        assert variables >= {*known.settings, *known.secrets}, label
    parts = (pipeline["root"], *pipeline["components"].values())
    tasks = [task for part in parts for task in part.get("dag", {}).get("tasks", {}).values()]
    steps = [task for task in tasks if task["componentRef"]["name"] in {f"comp-{verb}" for verb in folders}]
    assert len(steps) == 5
    assert not any(task["cachingOptions"].get("enableCache") for task in steps)


@pytest.mark.slow
def test_a_step_of_ones_own_between_ours_shapes_the_model_that_is_served(
    cluster: Cluster, build: Path, table: Path, run_file: Run
) -> None:
    names = {"model_name": "priced", "service": "priced", "namespace": "default"}
    result = run_file(build / "pipelines" / "own_step.yaml", data_uri=str(table), **names)
    assert result.succeeded, result.error
    assert result.task("deploy").outputs["outcome"] == "first_release"
    row = {**ROW, "item_price": 90.0}
    answer = cluster.send("priced", {"instances": [row]}, path="/v1/models/priced:predict")
    assert (answer.status, answer.json()["predictions"]) == (200, [1])
    # What the step added is asked of callers too.
    refused = cluster.send("priced", {"instances": [ROW]}, path="/v1/models/priced:predict")
    assert (refused.status, "'item_price'" in refused.text) == (422, True)


@pytest.mark.slow
def test_a_pipeline_of_files_alone_registers_a_model(cluster: Cluster, build: Path, table: Path, run_file: Run) -> None:
    assert "kfp_lifecycle" not in (EXAMPLES / "compose" / "from_files.py").read_text(encoding="utf-8")
    result = run_file(
        build / "from_files.yaml",
        data_uri=str(table),
        label="returned",
        model_name="from-files",
        exclude=["order_id", "ordered_at"],
    )
    assert result.succeeded, result.error
    version = MlflowClient(cluster.mlflow_url).get_model_version(
        "from-files", result.task("register").outputs["version"]
    )
    assert version.name == "from-files"


def instructions(folder: Path) -> dict[str, str]:
    """A Containerfile's instructions by name; a continued line is one."""
    text = re.sub(r"\\\n\s*", "", (folder / "Containerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) == len({line.split()[0] for line in lines}), "each instruction once"
    return {name: rest for name, _, rest in (line.partition(" ") for line in lines)}


def test_the_containerfile_starts_from_the_train_image_and_copies_what_is_there() -> None:
    said = instructions(EXAMPLES / "custom-image")
    assert said["ARG"] == f"VERSION={__version__}"
    assert said["FROM"].replace("${VERSION}", __version__) == images.reference("train")
    source, target = said["COPY"].split()
    variables = dict(pair.split("=", 1) for pair in said["ENV"].split())
    assert (EXAMPLES / "custom-image" / source / "__init__.py").exists()
    # The folder that holds the package can be imported from, and its name is an allowed root.
    assert Path(target).parent == Path(variables["PYTHONPATH"])
    assert Path(target).name in variables[settings.IMPORT_ROOTS].split(",")


@pytest.mark.slow
def test_a_model_of_own_training_code_takes_what_callers_have(
    cluster: Cluster, build: Path, table: Path, run_file: Run
) -> None:
    pipeline = build / "pipelines" / "train_and_release.yaml"
    assert "returns-python-train:1" in pipeline.read_text(encoding="utf-8")
    result = run_file(
        pipeline,
        code=(EXAMPLES / "custom-image" / "returns",),
        data_uri=str(table),
        label="returned",
        model_name="own-code",
        service="own-code",
        namespace="default",
        estimator="returns.training:build",
        exclude=["order_id", "ordered_at"],
    )
    assert result.succeeded, result.error
    answer = cluster.send("own-code", {"instances": [ROW]}, path="/v1/models/own-code:predict")
    assert (answer.status, answer.json()["predictions"]) == (200, [1])
