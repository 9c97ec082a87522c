"""Copying files of any size into a store: whole or not at all, and once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kfp_lifecycle.adapters import local_files
from kfp_lifecycle.adapters.object_store import create_from, exists, join, open_input
from kfp_lifecycle.core.errors import InputError

# More than one part of an S3 upload.
LARGE = 60 << 20


@pytest.fixture(params=["disk", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "root") if request.param == "disk" else request.getfixturevalue("s3")


def content(uri: str) -> bytes:
    with open_input(uri) as stream:
        return stream.read()


def file(folder: Path, name: str, text: bytes) -> Path:
    path = folder / name
    path.write_bytes(text)
    return path


def test_the_first_file_under_a_name_stays(root, tmp_path):
    uri = join(root, "deep", "rows.parquet")
    assert create_from(uri, file(tmp_path, "one", b"one"))
    assert not create_from(uri, file(tmp_path, "two", b"two"))
    assert content(uri) == b"one"


def test_of_many_writers_at_the_same_time_one_wins_and_its_file_is_whole(root, tmp_path):
    uri, start = join(root, "rows.parquet"), threading.Barrier(4)
    files = [file(tmp_path, str(number), bytes([number]) * 100_000) for number in range(4)]

    def write(number: int) -> bool:
        start.wait()
        return create_from(uri, files[number])

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(write, range(4)))
    assert won.count(True) == 1
    assert content(uri) == files[won.index(True)].read_bytes()


def test_writers_that_are_all_about_to_take_the_name_leave_it_to_one(tmp_path, monkeypatch):
    uri, copied, copy = str(tmp_path / "rows.parquet"), threading.Barrier(3), shutil.copyfile

    def copy_and_wait(source: Path, target: Path) -> None:
        copy(source, target)
        copied.wait(60)

    monkeypatch.setattr(local_files.shutil, "copyfile", copy_and_wait)
    files = [file(tmp_path, str(number), bytes([number])) for number in range(3)]
    with ThreadPoolExecutor(3) as pool:
        won = list(pool.map(lambda source: create_from(uri, source), files))
    assert won.count(True) == 1
    assert content(uri) == files[won.index(True)].read_bytes()


def test_a_file_that_goes_to_a_bucket_in_pieces_is_not_overwritten_either(s3, tmp_path):
    uri, large = join(s3, "rows.parquet"), file(tmp_path, "large", os.urandom(1 << 20) * (LARGE >> 20))
    assert create_from(uri, large)
    assert not create_from(uri, file(tmp_path, "small", b"x"))
    with open_input(uri) as stream:
        assert stream.read(1 << 20) == large.read_bytes()[: 1 << 20]
        assert stream.seek(0, 2) == LARGE


def test_a_folder_without_hard_links_gets_the_file_whole_and_once(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(1, "links are not permitted here")

    monkeypatch.setattr(local_files.os, "link", refuse)
    uri = str(tmp_path / "root" / "rows.parquet")
    assert create_from(uri, file(tmp_path, "one", b"one"))
    assert not create_from(uri, file(tmp_path, "two", b"two"))
    assert content(uri) == b"one"
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["rows.parquet"]


def test_a_killed_writer_leaves_the_name_free_and_what_it_left_is_removed_a_day_later(tmp_path):
    uri = str(tmp_path / "root" / "rows.parquet")
    source = file(tmp_path, "one", b"one")
    code = """
import os, shutil, signal, sys
from kfp_lifecycle.adapters.object_store import create_from
def killed(source, target):
    open(target, "wb").write(b"o")
    os.kill(os.getpid(), signal.SIGKILL)
shutil.copyfile = killed
create_from(sys.argv[1], sys.argv[2])
"""
    ran = subprocess.run([sys.executable, "-c", code, uri, str(source)], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert not exists(uri)
    [left] = (tmp_path / "root").iterdir()
    assert create_from(uri, source) and left.exists()
    Path(uri).unlink()
    os.utime(left, (time.time() - 90_000,) * 2)
    assert create_from(uri, source) and not left.exists()


def test_a_place_that_may_not_be_written_is_named(tmp_path):
    source = file(tmp_path, "one", b"one")
    with pytest.raises(InputError, match=r"output_uri='.*/one/rows': expected a place that this step may"):
        create_from(str(source / "rows"), source, "output_uri")
    with pytest.raises(InputError, match="a place to write to"):
        create_from("https://example.com/rows", source)
