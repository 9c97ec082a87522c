"""Where a storageUri may point."""

from __future__ import annotations

import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.local.pods import storage


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "a model"
    (folder / "profile").mkdir(parents=True)
    (folder / "MLmodel").write_text("x")
    (folder / "profile" / "rows.json").write_text("[]")
    return folder


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_local_folder_is_served_where_it_lies(model: Path, tmp_path: Path) -> None:
    assert storage.fetch(model.as_uri(), tmp_path / "copy") == model
    assert storage.fetch(str(model), tmp_path / "copy") == model


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_folder_in_a_bucket_is_copied_without_its_own_name(s3: str, model: Path, tmp_path: Path, slash: str) -> None:
    files = fsspec.filesystem("s3")
    files.put(f"{model}/", f"{s3}/models/demo/", recursive=True)
    copy = storage.fetch(f"{s3}/models/demo{slash}", tmp_path / "copy")
    assert sorted(str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()) == [
        "MLmodel",
        "profile/rows.json",
    ]


def test_an_archive_from_the_web_is_unpacked(web: str, model: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(model / "MLmodel", "MLmodel")
    copy = storage.fetch(f"{web}/model.tar.gz", tmp_path / "copy")
    assert [path.name for path in copy.iterdir()] == ["MLmodel"]


def test_a_second_fetch_leaves_nothing_of_the_first(web: str, model: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "stale").touch()
    (tmp_path / "one.bin").write_text("1")
    assert [path.name for path in storage.fetch(f"{web}/one.bin", tmp_path / "copy").iterdir()] == ["one.bin"]


@pytest.mark.parametrize(
    "uri", ["file:///no/such/folder", "/no/such/folder", "pvc://models/x", "models:/demo@champion"]
)
def test_what_cannot_be_read_is_refused_by_name(uri: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="storageUri") as refused:
        storage.fetch(uri, tmp_path / "copy")
    assert uri in str(refused.value)
