"""Reading, listing and creating files, on disk and in S3."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from kfp_lifecycle.adapters import local_files
from kfp_lifecycle.adapters.object_store import create, exists, join, list_files, open_input, read_bytes
from kfp_lifecycle.core.errors import InputError


@pytest.fixture(params=["disk", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "root") if request.param == "disk" else request.getfixturevalue("s3")


def test_a_created_file_reads_back_and_is_never_overwritten(root):
    uri = join(root, "deep", "note.json")
    assert not exists(uri)
    assert create(uri, b"one")
    assert not create(uri, b"two")
    assert exists(uri)
    assert read_bytes(uri) == b"one"


def test_of_many_writers_at_the_same_time_one_wins(root):
    uri = join(root, "schema.json")
    start = threading.Barrier(6)

    def write(number: int) -> bool:
        start.wait()
        return create(uri, str(number).encode())

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(write, range(6)))
    assert won.count(True) == 1
    assert read_bytes(uri) == str(won.index(True)).encode()
    assert list_files(root) == [uri]


def test_a_folder_a_pattern_and_a_file_list_their_files_in_order(root):
    for name in ("b/2.csv", "b/1.csv", "a.csv", "a.txt"):
        create(join(root, name), b"x")
    assert list_files(root) == [join(root, name) for name in ("a.csv", "a.txt", "b/1.csv", "b/2.csv")]
    assert list_files(join(root, "*.csv")) == [join(root, "a.csv")]
    assert list_files(join(root, "**/*.csv")) == [join(root, name) for name in ("a.csv", "b/1.csv", "b/2.csv")]
    assert list_files(join(root, "b")) == [join(root, "b/1.csv"), join(root, "b/2.csv")]
    assert list_files(join(root, "a.txt")) == [join(root, "a.txt")]


def test_a_file_written_by_another_process_is_seen_at_once(root):
    """A listing taken from a cache would hide it."""
    create(join(root, "1.csv"), b"x")
    assert len(list_files(root)) == len(list_files(join(root, "*.csv"))) == 1
    code = "import sys; from kfp_lifecycle.adapters.object_store import create; create(sys.argv[1], b'x')"
    subprocess.run([sys.executable, "-c", code, join(root, "2.csv")], check=True)
    assert exists(join(root, "2.csv"))
    assert len(list_files(join(root, "*.csv"))) == len(list_files(root)) == 2


def test_what_is_not_there_is_named(root):
    create(join(root, "a.csv"), b"x")
    for look in (list_files, read_bytes):
        with pytest.raises(InputError, match=r"table_uri='.*b\.csv'.*an existing file"):
            look(join(root, "b.csv"), "table_uri")
    with pytest.raises(InputError, match="a pattern that matches a file"):
        list_files(join(root, "*.parquet"))


def test_a_small_file_that_is_not_small_is_refused(root):
    create(join(root, "a.json"), b"x" * 100)
    with pytest.raises(InputError, match="at most 99 bytes"):
        read_bytes(join(root, "a.json"), limit=99)
    assert len(read_bytes(join(root, "a.json"), limit=100)) == 100


def test_an_open_file_can_seek(root):
    create(join(root, "a.bin"), bytes(range(100)))
    with open_input(join(root, "a.bin")) as stream:
        stream.seek(90)
        assert stream.read(3) == bytes([90, 91, 92])


def test_an_error_of_the_reader_is_not_taken_for_one_of_the_store(root):
    create(join(root, "a.bin"), b"x")
    with pytest.raises(FileNotFoundError, match="something else"), open_input(join(root, "a.bin")):
        raise FileNotFoundError("something else")


def test_a_bucket_that_does_not_exist_is_named(s3):
    with pytest.raises(InputError, match="an existing bucket or folder"):
        create("s3://no-such-bucket-here/x", b"")
    with pytest.raises(InputError, match=r"no-such-bucket-here.*existing file"):
        list_files("s3://no-such-bucket-here/x")
    assert not exists("s3://no-such-bucket-here/x")


def test_missing_aws_credentials_are_named(s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(InputError, match="AWS credentials in the step's environment.*AWS_ACCESS_KEY_ID"):
        read_bytes(join(s3, "a"))
    with pytest.raises(InputError, match="AWS credentials"):
        create(join(s3, "a"), b"")
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_a_store_without_hard_links_still_creates_once(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(1, "links are not permitted here")

    monkeypatch.setattr(local_files.os, "link", refuse)
    uri = str(tmp_path / "a.json")
    assert create(uri, b"one")
    assert not create(uri, b"two")
    assert read_bytes(uri) == b"one"


def test_without_hard_links_too_a_file_takes_its_name_whole(tmp_path, monkeypatch):
    """A writer that fills it under its name leaves half of it when it is killed."""
    whole = []

    def refuse(partial: Path, _: Path) -> None:
        assert partial.read_bytes() == b"one"
        whole.append(partial.stat().st_ino)
        raise PermissionError(1, "links are not permitted here")

    monkeypatch.setattr(local_files.os, "link", refuse)
    assert create(str(tmp_path / "a.json"), b"one")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert whole == [(tmp_path / "a.json").stat().st_ino]


def test_what_a_killed_writer_of_a_small_file_left_is_removed_in_the_end(tmp_path):
    old, young = tmp_path / ".a.json.1.partial", tmp_path / ".a.json.2.partial"
    for partial in (old, young):
        partial.write_bytes(b"o")
    os.utime(old, (1, 1))
    assert create(str(tmp_path / "a.json"), b"one")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.json.2.partial", "a.json"]


def test_a_place_that_may_not_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"schema_uri='.*/file/schema\.json': expected a place that this step may"):
        create(str(tmp_path / "file" / "schema.json"), b"", "schema_uri")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_folder_of_another_user_is_not_writable(tmp_path):
    # An unprivileged child: root may write anywhere.
    tmp_path.chmod(0o755)
    code = (
        "import os, sys\n"
        "from kfp_lifecycle.adapters.object_store import create\n"
        "from kfp_lifecycle.core.errors import InputError\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: create(sys.argv[1], b'')\n"
        "except InputError as error: print(error)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "models" / "a")], capture_output=True, text=True, check=True
    )
    assert "a place that this step may write to" in ran.stdout
    assert not (tmp_path / "models").exists()


def test_a_web_server_is_no_place_to_write_to():
    with pytest.raises(InputError, match="a place to write to"):
        create("https://example.com/x", b"")
