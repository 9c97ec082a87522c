"""Does each step run in its own family's environment, with nothing else installed?"""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FACES = sorted((ROOT / "components").glob("*/component.py"))
UV = ROOT / ".tools" / "bin" / "uv"

IMPORTS = """
import importlib, sys
for name in {modules!r}:
    importlib.import_module(name)
"""
# What a step does with an object store and, through mlflow-skinny, with a registry.
STORE = """
import sys
from pathlib import Path
from kfp_lifecycle.adapters import object_store
folder = Path(sys.argv[1]) / "model"
folder.mkdir()
(folder / "checksums.json").write_text("{}")
target = f"{sys.argv[2]}/model"
object_store.put_directory(folder, target)
back = Path(sys.argv[1]) / "back"
object_store.get_directory(target, back)
assert (back / "checksums.json").read_text() == "{}"
import s3fs, gcsfs
"""
REGISTRY = """
from mlflow import MlflowClient
print(list(MlflowClient().search_registered_models()))
"""


# Commands that run in an image, beside its steps.
COMMANDS = {
    "release": ["cli.run", "cli.remote_run", "cli.sweep", "cli.trigger_server", "triggers.app", "triggers.server"]
}


def family_of(face: Path) -> str:
    match = re.search(r'images\.reference\("([a-z]+)"\)', face.read_text())
    assert match, f"{face} names no family"
    return match.group(1)


def modules_of(family: str) -> list[str]:
    """Every module of the steps of a family, but their faces: those are read by the executor, not imported."""
    return [
        f"kfp_lifecycle.components.{face.parent.name}.{path.stem}"
        for face in FACES
        if family_of(face) == family
        for path in sorted(face.parent.glob("*.py"))
        if path.stem not in {"component", "__init__"}
    ]


@pytest.fixture(scope="session")
def uv() -> Path:
    if not UV.exists():
        pytest.skip(f"{UV.relative_to(ROOT)} is missing: run `make env`")
    return UV


@pytest.fixture(scope="module", params=["train", "release", "serve"])
def family(request: pytest.FixtureRequest, uv: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """An environment made from the family's lock alone, as its image is."""
    name = request.param
    home = tmp_path_factory.mktemp(name)
    python = home / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, home], check=True)
    lock = ROOT / "images" / f"{name}.txt"
    subprocess.run([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, lock], check=True)
    [site] = home.glob("lib/python3*/site-packages")
    (site / "kfp_lifecycle.pth").write_text(str(ROOT / "src"))
    return name, python


def run(python: Path, code: str, *words: str, **variables: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    done = subprocess.run([python, "-c", code, *words], env=environment, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr


@pytest.mark.xdist_group("families")
def test_the_logic_of_each_step_imports(family: tuple[str, Path]) -> None:
    name, python = family
    if name == "serve":
        modules = [f"kfp_lifecycle.serving.{path.stem}" for path in (ROOT / "kserve" / "serving").glob("[a-z]*.py")]
    else:
        modules = modules_of(name) + [f"kfp_lifecycle.{each}" for each in COMMANDS.get(name, ())]
    assert modules
    run(python, IMPORTS.format(modules=modules))


@pytest.mark.xdist_group("families")
def test_the_kfp_executor_runs_beside_the_lock_without_its_dependencies(family: tuple[str, Path]) -> None:
    _, python = family
    ours = sysconfig.get_paths()["purelib"]
    code = (
        "import sys; from pathlib import Path\n"
        "class OnlyKfp:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        from importlib.machinery import PathFinder\n"
        f"        return PathFinder.find_spec(name, [{ours!r}]) if name == 'kfp' else None\n"
        "sys.meta_path.append(OnlyKfp())\n"
        "import kfp.dsl.executor_main"
    )
    run(python, code, _KFP_RUNTIME="true")


@pytest.mark.xdist_group("families")
def test_the_clients_of_object_store_and_registry_work(
    family: tuple[str, Path], s3: str, mlflow_uri: str, tmp_path: Path
) -> None:
    name, python = family
    run(python, STORE, str(tmp_path), s3)
    if name != "serve":
        run(python, REGISTRY)
