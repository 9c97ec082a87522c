"""Can a component be added by the files of docs/add-a-component.md, with no other edit?"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "add-a-component.md"
FILE = re.compile(r"^```\w+ file=(?P<path>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages with the page's files in it."""
    house = tmp_path_factory.mktemp("house")
    for name in ("adapters", "cli", "components", "core", "kserve", "local", "pipelines", "src", "compile.py"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, house / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, house / name)
    (house / "tests" / "components").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "components" / "test_contracts.py", house / "tests" / "components")
    for match in FILE.finditer(PAGE.read_text(encoding="utf-8")):
        path = house / match["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(match["text"], encoding="utf-8")
    return house


def command(house: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy, which hides the installed package."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=house,
        env={**os.environ, "PYTHONPATH": str(house / "src"), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )


def test_the_page_holds_every_file_of_a_component() -> None:
    names = {Path(match["path"]).name for match in FILE.finditer(PAGE.read_text(encoding="utf-8"))}
    assert {"__init__.py", "component.py", "explanation.py", "metadata.yaml", "test_what_matters.py"} == names


def test_the_new_component_gets_its_readme_its_yaml_and_passes_the_contracts(house: Path) -> None:
    generated = command(house, "-m", "kfp_lifecycle.cli", "generate")
    assert generated.returncode == 0, generated.stderr
    assert "components/explanation/README.md" in generated.stderr
    assert "role.yaml" not in generated.stderr

    compiled = command(house, "compile.py", "--out", "build")
    assert compiled.returncode == 0, compiled.stderr
    assert (house / "build" / "components" / "explain.yaml").exists()

    # Every promise to which a single component is held, and the page's own test.
    tested = command(
        house,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        "-v",
        "-k",
        "explain or explanation or role",
        "tests",
    )
    assert tested.returncode == 0, tested.stdout
    assert "test_the_body_of_a_face_is_one_import_and_one_call[explain] PASSED" in tested.stdout
    assert "test_what_matters.py::" in tested.stdout
