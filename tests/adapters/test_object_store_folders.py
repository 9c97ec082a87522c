"""Folders are put whole and once, and got whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from kfp_lifecycle.adapters import object_folders
from kfp_lifecycle.adapters.object_store import create, exists, get_directory, join, list_files, put_directory
from kfp_lifecycle.core.checksums import verify_checksums, write_checksums
from kfp_lifecycle.core.errors import InputError


@pytest.fixture(params=["disk", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "root") if request.param == "disk" else request.getfixturevalue("s3")


def model(directory: Path, content: str = "weights") -> str:
    (directory / "profile").mkdir(parents=True)
    (directory / "model.skops").write_text(content)
    (directory / "profile" / "rows.json").write_text("[]")
    return write_checksums(directory)


def test_a_folder_comes_back_as_it_was_put(root, tmp_path):
    digest = model(tmp_path / "model")
    assert put_directory(tmp_path / "model", join(root, "late", digest))
    get_directory(join(root, "late", digest), tmp_path / "copies" / "copy")
    assert verify_checksums(tmp_path / "copies" / "copy", digest) == digest
    assert [path.name for path in (tmp_path / "copies").iterdir()] == ["copy"]


def test_putting_the_same_folder_again_changes_nothing(root, tmp_path):
    model(tmp_path / "model")
    assert put_directory(tmp_path / "model", join(root, "m"))
    assert not put_directory(tmp_path / "model", join(root, "m"))
    assert len(list_files(root)) == 3


def test_other_content_under_the_same_name_is_refused_and_the_first_stays(root, tmp_path):
    digest = model(tmp_path / "one")
    model(tmp_path / "two", "other weights")
    put_directory(tmp_path / "one", join(root, "m"))
    with pytest.raises(InputError, match=r"models_root='.*a place that is free or holds the same files"):
        put_directory(tmp_path / "two", join(root, "m"), "models_root")
    get_directory(join(root, "m"), tmp_path / "copy")
    assert verify_checksums(tmp_path / "copy") == digest


def test_eight_writers_of_one_folder_leave_one_folder(root, tmp_path):
    digest = model(tmp_path / "model")
    with ThreadPoolExecutor(8) as pool:
        wrote = list(pool.map(lambda _: put_directory(tmp_path / "model", join(root, "m")), range(8)))
    assert wrote.count(True) == 1
    assert len(list_files(root)) == 3
    get_directory(join(root, "m"), tmp_path / "copy")
    assert verify_checksums(tmp_path / "copy") == digest


def test_a_file_of_other_content_left_by_a_dead_writer_is_not_overwritten(s3, tmp_path):
    model(tmp_path / "model")
    create(join(s3, "m", "model.skops"), b"of another model")
    with pytest.raises(InputError, match=r"m/model\.skops.*never overwritten"):
        put_directory(tmp_path / "model", join(s3, "m"))
    assert not exists(join(s3, "m", "checksums.json"))


def test_a_writer_that_loses_the_race_to_other_content_is_told(root, tmp_path, monkeypatch):
    """The other folder holds one file more, so that no single file is in the way."""
    model(tmp_path / "model")
    model(tmp_path / "other")
    (tmp_path / "other" / "more.json").write_text("{}")
    write_checksums(tmp_path / "other")
    looks = []

    def other_comes_first(uri: str, parameter: str) -> bool:
        looks.append(uri)
        if len(looks) == 1:
            put_directory(tmp_path / "other", join(root, "m"))
            return False
        return exists(uri, parameter)

    monkeypatch.setattr(object_folders.object_files, "exists", other_comes_first)
    with pytest.raises(InputError, match="holds other content"):
        put_directory(tmp_path / "model", join(root, "m"))


@pytest.mark.parametrize("where", ["disk", "s3"])
def test_a_killed_writer_leaves_no_whole_folder_and_its_work_can_be_repeated(where, tmp_path, request):
    root = str(tmp_path / "root") if where == "disk" else request.getfixturevalue("s3")
    digest = model(tmp_path / "model")
    code = """
import os, shutil, signal, sys
from kfp_lifecycle.adapters import object_folders
def killed(*args, **kwargs): os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2].startswith("s3"):
    object_folders.object_files.create = killed  # the marker
else:
    plain, count = shutil.copyfile, []
    def second_copy_dies(source, target, **kwargs):
        count.append(source)
        return killed() if len(count) == 2 else plain(source, target, **kwargs)
    shutil.copyfile = second_copy_dies
object_folders.put_directory(sys.argv[1], sys.argv[2])
"""
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "model"), join(root, "m")], check=False)
    assert ran.returncode == -signal.SIGKILL
    with pytest.raises(InputError, match=r"a folder with checksums\.json"):
        get_directory(join(root, "m"), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert put_directory(tmp_path / "model", join(root, "m"))
    get_directory(join(root, "m"), tmp_path / "copy")
    assert verify_checksums(tmp_path / "copy") == digest


def test_an_object_whose_name_climbs_is_not_written_outside(s3, tmp_path):
    client = boto3.client("s3")
    bucket = s3.removeprefix("s3://")
    client.put_object(Bucket=bucket, Key="m/checksums.json", Body=json.dumps({}).encode())
    client.put_object(Bucket=bucket, Key="m/../../escaped", Body=b"x")
    with pytest.raises(InputError, match=r"a path without \.\."):
        get_directory(join(s3, "m"), tmp_path / "deep" / "copy")
    assert list(tmp_path.iterdir()) == []


def test_files_already_at_the_destination_are_left_alone(s3, tmp_path):
    model(tmp_path / "model")
    put_directory(tmp_path / "model", join(s3, "m"))
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").write_text("x")
    with pytest.raises(FileExistsError, match="already holds files"):
        get_directory(join(s3, "m"), tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["mine"]


def test_a_models_root_that_is_not_writable_is_named(tmp_path):
    model(tmp_path / "model")
    (tmp_path / "root").write_text("a file")
    with pytest.raises(InputError, match=r"KFP_LIFECYCLE_MODELS_ROOT='.*a place that this step may write to"):
        put_directory(tmp_path / "model", str(tmp_path / "root" / "m"), "KFP_LIFECYCLE_MODELS_ROOT")
    assert (tmp_path / "root").read_text() == "a file"


def test_a_put_folder_can_be_read_by_another_user(tmp_path):
    """The model server runs as another user than the step."""
    model(tmp_path / "model")
    (tmp_path / "model" / "model.skops").chmod(0o600)
    before = os.umask(0o022)
    try:
        put_directory(tmp_path / "model", str(tmp_path / "root" / "m"))
    finally:
        os.umask(before)
    assert (tmp_path / "root" / "m" / "model.skops").stat().st_mode & 0o444 == 0o444
    assert (tmp_path / "root" / "m").stat().st_mode & 0o555 == 0o555


def test_what_a_killed_writer_left_goes_after_a_day_and_a_writer_at_work_is_left_alone(tmp_path):
    model(tmp_path / "model")
    exports = tmp_path / "exports"
    left, at_work, of_another = (exports / name for name in (".m.1.partial", ".m.2.partial", ".n.1.partial"))
    for folder in (left, at_work, of_another):
        model(folder)
    two_days_ago = time.time() - 2 * 86400
    for folder in (left, of_another):
        os.utime(folder, (two_days_ago, two_days_ago))
    put_directory(tmp_path / "model", str(exports / "m"))
    assert sorted(path.name for path in exports.iterdir()) == [".m.2.partial", ".n.1.partial", "m"]
