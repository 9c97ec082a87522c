"""Is compiling fast, repeatable and open to other images?"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kfp_lifecycle.cli.compile import main
from kfp_lifecycle.components import face_modules, images

ROOT = Path(__file__).parents[2]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.yaml"))}


def image_lines(folder: Path) -> set[str]:
    return {
        line.strip().removeprefix("image: ")
        for text in contents(folder).values()
        for line in text.decode().splitlines()
        if line.strip().startswith("image: ")
    }


def test_every_component_and_pipeline_is_written(build: Path) -> None:
    assert {path.stem for path in (build / "components").glob("*.yaml")} == set(face_modules())
    written = {path.stem for path in (build / "pipelines").glob("*.yaml")}
    assert written == {
        "batch_score",
        "monitor_and_retrain",
        "periodic_evaluation",
        "roll_back_release",
        "sweep_releases",
        "train_and_release",
    }


def test_another_process_writes_the_same_bytes_in_under_five_seconds(build: Path, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, str(ROOT / "compile.py"), "--out", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "4242"},
        check=True,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # One thread does the work, so on an idle machine its CPU time is the time on the clock.
    assert after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime < 5
    assert contents(tmp_path) == contents(build)


def test_the_root_folder_is_not_on_the_path_when_compile_runs(tmp_path: Path) -> None:
    # compile.py lies beside kserve/, which must not hide the kserve package.
    code = (
        f"import runpy, sys\nsys.path.insert(0, {str(ROOT)!r})\nsys.argv = ['compile.py', '--help']\n"
        f"try: runpy.run_path({str(ROOT / 'compile.py')!r}, run_name='__main__')\n"
        "except SystemExit: pass\n"
        f"assert {str(ROOT)!r} not in sys.path"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize("kind", ["pipelines/train_and_release", "components/train"])
def test_a_loaded_file_compiles_to_itself(build: Path, tmp_path: Path, kind: str) -> None:
    from kfp import compiler, components

    path = build / f"{kind}.yaml"
    loaded = components.load_component_from_file(str(path))
    compiler.Compiler().compile(loaded, str(tmp_path / "again.yaml"))
    again, original = (
        list(yaml.safe_load_all(file.read_text(encoding="utf-8"))) for file in (tmp_path / "again.yaml", path)
    )
    assert again == original


def test_a_registry_and_a_tag_move_every_image(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path), "--registry", "r.example.com/m", "--tag", "9.9"]) == 0
    wanted = {
        images.reference(family, registry="r.example.com/m", tag="9.9") for family in ("train", "release", "drift")
    }
    assert image_lines(tmp_path) == wanted


def test_an_own_image_replaces_its_family_only(build: Path, tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path), "--image", "train=team/own-python@sha256:" + "a" * 64]) == 0
    others = {images.reference(family) for family in ("release", "drift")}
    assert image_lines(tmp_path) == {"team/own-python@sha256:" + "a" * 64, *others}
    changed = contents(tmp_path)["pipelines/train_and_release.yaml"].decode().splitlines()
    original = contents(build)["pipelines/train_and_release.yaml"].decode().splitlines()
    assert all("image: " in new for new, old in zip(changed, original, strict=True) if new != old)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--image", "trian=a/b:1"], "trian"),
        (["--image", "train"], "train"),
        (["--image", "train=a/b:latest"], "latest"),
        (["--image", "train=a/b:1", "--image", "train=a/c:1"], "once"),
        (["--registry", "https://r/m"], "https://r/m"),
        (["--tag", "a b"], "a b"),
    ],
)
def test_a_wrong_image_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    assert main(["--out", str(tmp_path / "out"), *arguments]) == 2
    assert named in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_manifests_hold_a_pipeline_and_its_version(tmp_path: Path, ir: dict[str, Any]) -> None:
    arguments = ["--format", "kubernetes", "--namespace", "team", "--image", "train=a/b-python:1"]
    assert main(["--out", str(tmp_path), *arguments]) == 0
    text = (tmp_path / "kubernetes" / "train_and_release.yaml").read_text(encoding="utf-8")
    pipeline, version = yaml.safe_load_all(text)
    assert (pipeline["kind"], version["kind"]) == ("Pipeline", "PipelineVersion")
    assert {it["metadata"]["namespace"] for it in (pipeline, version)} == {"team"}
    assert version["spec"]["pipelineName"] == pipeline["metadata"]["name"] == "train-and-release"
    assert version["spec"]["pipelineSpec"]["root"] == ir["root"]
    assert version["spec"]["platformSpec"]
    executors = version["spec"]["pipelineSpec"]["deploymentSpec"]["executors"]
    assert executors["exec-train"]["container"]["image"] == "a/b-python:1"
