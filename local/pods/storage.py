"""Bring the model of a ``storageUri`` onto this machine, as KServe's storage initializer does."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kfp_lifecycle.core.errors import InputError

_REMOTE = ("s3", "gs", "http", "https")
_ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip")


def local_path(uri: str) -> Path | None:
    """The path that the URI names on this machine, None if it lies elsewhere."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(uri) if uri.startswith("/") else None


def fetch(uri: str, target: Path) -> Path:
    """The folder that holds the model; remote ones are copied to ``target`` first.

    Raises:
        InputError: the URI names nothing, or a scheme that this machine cannot read.
        OSError: the store did not answer.
    """
    path = local_path(uri)
    if path is not None:
        if not path.is_dir():
            raise InputError("storageUri", uri, "an existing folder", "Check the path; export the model first.")
        return path
    scheme = urlsplit(uri).scheme
    if scheme not in _REMOTE:
        known = ", ".join(("file", *_REMOTE))
        raise InputError("storageUri", uri, f"one of the schemes {known}", "Export the model to such a place.")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    return _copy_file(uri, target) if scheme.startswith("http") else _copy_folder(uri, target)


def _copy_folder(uri: str, target: Path) -> Path:
    import fsspec

    files, root = fsspec.core.url_to_fs(uri)
    if not files.isdir(root):
        raise InputError("storageUri", uri, "an existing folder", "Check bucket, prefix and credentials.")
    # The trailing slash asks for the folder's content and not for the folder itself (kserve#3899 is about it).
    files.get(root.rstrip("/") + "/", f"{target}/", recursive=True)
    return target


def _copy_file(uri: str, target: Path) -> Path:
    import fsspec

    name = Path(urlsplit(uri).path).name or "model"
    with fsspec.open(uri, "rb") as source, (target / name).open("wb") as copy:
        shutil.copyfileobj(source, copy)
    if name.endswith(_ARCHIVES):
        if name.endswith(".zip"):
            shutil.unpack_archive(target / name, target)
        else:
            shutil.unpack_archive(target / name, target, filter="data")
        (target / name).unlink()
    return target
