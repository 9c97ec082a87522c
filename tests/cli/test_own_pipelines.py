"""Are a user's own pipelines compiled like those of the library?"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from kfp_lifecycle.cli.compile import main
from kfp_lifecycle.components import images

OWN = """
from kfp import dsl
import beside
from kfp_lifecycle.components import sweep
from kfp_lifecycle.pipelines.settings import configured

@dsl.pipeline(name="mine")
def {name}():
    configured(sweep(namespace=beside.NAMESPACE))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "beside.py").write_text("NAMESPACE = 'team'\n", encoding="utf-8")
    return tmp_path


def own(folder: Path, name: str = "mine", text: str = OWN) -> Path:
    path = folder / "own.py"
    path.write_text(text.replace("{name}", name), encoding="utf-8")
    return path


def test_an_own_pipeline_gets_images_and_settings_and_may_import_what_lies_beside_it(folder: Path) -> None:
    (folder / "settings.yaml").write_text("defaults: {tmp: 1Gi}\n", encoding="utf-8")
    before = list(sys.path)
    arguments = ["--registry", "r.example.com/m", "--settings", str(folder / "settings.yaml")]
    assert main(["--out", str(folder / "out"), "--pipeline", str(own(folder)), *arguments]) == 0
    written = (folder / "out" / "pipelines" / "mine.yaml").read_text(encoding="utf-8")
    assert images.reference("release", registry="r.example.com/m") in written
    assert "mountPath: /tmp" in written and "constant: team" in written
    assert (folder / "out" / "pipelines" / "train_and_release.yaml").exists()
    assert sys.path == before


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("sweep_releases", OWN, "sweep_releases"),
        ("mine", "import beside\n", "@dsl.pipeline"),
    ],
)
def test_a_file_without_a_pipeline_or_with_a_name_that_is_taken_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, named: str
) -> None:
    assert main(["--out", str(folder / "out"), "--pipeline", str(own(folder, name, text))]) == 2
    message = capsys.readouterr().err
    assert "--pipeline" in message and named in message
    assert not (folder / "out").exists()


def test_a_file_that_is_not_there_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--pipeline", str(folder / "absent.py")]) == 2
    assert "absent.py" in capsys.readouterr().err


def test_the_pipeline_of_the_page_compiles(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "composing.md"
    block = re.search(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert block
    (tmp_path / "mine.py").write_text(block[1], encoding="utf-8")
    assert main(["--out", str(tmp_path), "--pipeline", str(tmp_path / "mine.py")]) == 0
    assert "configMapAsEnv" in (tmp_path / "pipelines" / "mine.yaml").read_text(encoding="utf-8")
