"""Does the layout keep its promises: one import name, no root on the path, a wheel that holds it all?"""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "kfp_lifecycle"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel and an sdist, built from a copy of what git tracks, so that the tree stays clean."""
    tree, dist = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    listing = tree / ".files"
    listing.write_bytes(files)
    packed = tree / ".tree.tar"
    subprocess.run(
        ["tar", "--create", f"--file={packed}", "--null", "--ignore-failed-read", f"--files-from={listing}"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run(["tar", "--extract", f"--file={packed}"], cwd=tree, check=True)
    builder = (
        "import sys; from setuptools import build_meta as b;"
        f"sys.argv = sys.argv[:1]; print(b.build_sdist({str(dist)!r})); print(b.build_wheel({str(dist)!r}))"
    )
    subprocess.run([sys.executable, "-c", builder], cwd=tree, check=True, capture_output=True)
    return dist


def test_the_folder_that_shares_the_sdks_name_is_no_package() -> None:
    assert not (ROOT / "kserve" / "__init__.py").exists()


@pytest.mark.parametrize("link", sorted(path.name for path in SOURCE.iterdir() if path.is_symlink()))
def test_each_package_is_a_link_to_a_folder_that_people_find(link: str) -> None:
    target = SOURCE / link
    assert target.is_dir()
    assert target.resolve().is_relative_to(ROOT)
    assert not target.resolve().is_relative_to(SOURCE)


def test_the_root_is_not_on_the_path_of_an_installed_package(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import sys; print('\\n'.join(sys.path))"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    assert str(ROOT) not in found


def test_the_wheel_holds_every_module_and_every_manifest(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        path.relative_to(SOURCE.parent).as_posix()
        for link in SOURCE.iterdir()
        if link.is_dir()
        for path in [link, *link.rglob("*")]
        if path.suffix in {".py", ".yaml", ".json", ".html", ".css", ".js", ".svg"}
    }
    assert "kfp_lifecycle/py.typed" in names
    assert sorted(expected - names) == []
    assert not [name for name in names if not name.startswith(("kfp_lifecycle/", "kfp_lifecycle-"))]


def test_the_sdist_builds_the_same_wheel(built: Path, tmp_path: Path) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [tree] = tmp_path.iterdir()
    builder = f"from setuptools import build_meta as b; b.build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", builder], cwd=tree, check=True, capture_output=True)
    [again], [wheel] = tmp_path.glob("*.whl"), built.glob("*.whl")
    assert set(zipfile.ZipFile(again).namelist()) == set(zipfile.ZipFile(wheel).namelist())
