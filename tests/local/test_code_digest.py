"""Does the digest of a user's code cope with what editors and links leave in a folder?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kfp_lifecycle.local.code_digest import code_digest
from kfp_lifecycle.local.runner_environment import modules


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A folder with a module and a package."""
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "model.py").write_text("NAME = 'first'\n")
    (tmp_path / "single.py").touch()
    return tmp_path


@pytest.mark.timeout(20)
def test_a_dangling_link_and_a_pipe_change_nothing_and_hold_nothing_up(code: Path) -> None:
    before = code_digest([code])
    (code / ".#single.py").symlink_to("ann@host.4711")
    (code / "mine" / ".#model.py").symlink_to("ann@host.4711")
    os.mkfifo(code / "mine" / "pipe")
    os.mkfifo(code / "pipe.py")
    assert code_digest([code]) == before
    assert [name for module in modules([code]) for name in module.names] == ["mine", "single"]


@pytest.mark.timeout(20)
def test_a_link_to_a_folder_above_is_followed_once(code: Path) -> None:
    for name in ("one", "two", "three"):
        (code / "mine" / name).symlink_to(code / "mine", target_is_directory=True)
    before = code_digest([code])
    (code / "mine" / "model.py").write_text("NAME = 'second'\n")
    assert code_digest([code]) != before


def test_a_file_that_vanishes_meanwhile_is_as_if_it_had_not_been_there(
    code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_digest([code])
    (code / "mine" / "model.tmp").write_text("half")
    read = Path.read_bytes

    def vanishing(path: Path) -> bytes:
        if path.suffix == ".tmp":
            path.unlink()
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", vanishing)
    assert code_digest([code]) == before


def test_code_behind_a_link_counts(code: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (code / "mine" / "linked").symlink_to(elsewhere, target_is_directory=True)
    before = code_digest([code])
    (elsewhere / "more.py").write_text("NAME = 'more'\n")
    assert code_digest([code]) != before
