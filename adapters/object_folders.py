"""Folders in stores: put whole and once, got whole or not at all.

A folder is whole when it holds its marker, which is written last. That holds on every store; a local folder appears
by one rename besides.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kfp_lifecycle.adapters import local_files, object_files
from kfp_lifecycle.adapters.object_access import refusals
from kfp_lifecycle.adapters.object_uris import Location, locate, public
from kfp_lifecycle.core.checksums import CHECKSUMS
from kfp_lifecycle.core.errors import InputError


def put_directory(directory: str | Path, uri: str, parameter: str = "uri") -> bool:
    """Copy a folder with ``checksums.json`` to a URI that nobody has written other content to.

    Any number of writers may put the same folder at the same time, and a writer that died half way is continued.

    Args:
        directory: the folder; its ``checksums.json`` says what it holds and is the last to be written.
        uri: where it goes; the files lie directly below.
        parameter: whom to name in an error.

    Returns:
        True when this call wrote the marker, False when the same folder was there already.

    Raises:
        InputError: the place holds other content, is not writable, or has no credentials.
    """
    directory = Path(directory)
    marker = (directory / CHECKSUMS).read_bytes()
    target = locate(uri, parameter)
    if object_files.exists(target.child(CHECKSUMS).uri, parameter):
        _require_same(target, marker, parameter)
        return False
    names = sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())
    names.remove(CHECKSUMS)
    if target.is_local:
        return _put_local(directory, target, marker, parameter)
    for name in names:
        _put_file(directory / name, target.child(name), parameter)
    if object_files.create(target.child(CHECKSUMS).uri, marker, parameter):
        return True
    _require_same(target, marker, parameter)
    return False


def get_directory(uri: str, directory: str | Path, parameter: str = "uri") -> None:
    """Copy a folder that ``put_directory`` wrote; ``directory`` appears only when every file is there.

    Raises:
        InputError: nothing is there, or the folder has no marker and so may not be whole.
        FileExistsError: ``directory`` already holds files.
    """
    source = locate(uri, parameter)
    if not object_files.exists(source.child(CHECKSUMS).uri, parameter):
        raise InputError(
            parameter, public(uri), f"a folder with {CHECKSUMS}", "Check the URI, or let the step that puts it finish."
        )
    # An object may be called anything; locate refuses the names that climb.
    files = [locate(file, parameter) for file in object_files.list_files(uri, parameter)]
    with _appearing(Path(directory)) as partial:
        for file in files:
            name = file.path.removeprefix(source.path).lstrip("/")
            copy = partial / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            with object_files.open_input(file.uri, parameter) as stream, copy.open("wb") as out:
                shutil.copyfileobj(stream, out, 1 << 20)


def _put_local(directory: Path, target: Location, marker: bytes, parameter: str) -> bool:
    with refusals(target, parameter, writing=True):
        try:
            with _appearing(Path(target.path)) as partial:
                shutil.copytree(directory, partial, dirs_exist_ok=True, copy_function=shutil.copyfile)
        except FileExistsError:
            _require_same(target, marker, parameter)
            return False
    return True


@contextmanager
def _appearing(directory: Path) -> Iterator[Path]:
    """A folder to fill that takes its name in one step at the end, or leaves nothing."""
    local_files.make_folder(directory.parent)
    local_files.remove_abandoned(directory)
    partial = directory.with_name(f".{directory.name}.{uuid.uuid4().hex}.partial")
    partial.mkdir()
    try:
        yield partial
        try:
            partial.rename(directory)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise FileExistsError(f"{directory} already holds files") from error
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _put_file(path: Path, target: Location, parameter: str) -> None:
    if object_files.create_from(target.uri, path, parameter):
        return
    # Left by a writer that died, or just written by another one: right if it is the same file.
    with path.open("rb") as ours, object_files.open_input(target.uri, parameter) as theirs:
        if _digest(ours) != _digest(theirs):
            raise _taken(target, parameter)


def _require_same(target: Location, marker: bytes, parameter: str) -> None:
    found = target.child(CHECKSUMS).uri
    if not object_files.exists(found, parameter) or object_files.read_bytes(found, parameter) != marker:
        raise _taken(target, parameter)


def _taken(target: Location, parameter: str) -> InputError:
    return InputError(
        parameter,
        public(target.uri),
        "a place that is free or holds the same files",
        "It holds other content, which is never overwritten: choose another place, or remove it.",
    )


def _digest(stream: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.digest()
