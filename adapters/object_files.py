"""Single files in stores: listed, read, and created where the name is free."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from kfp_lifecycle.adapters import local_files
from kfp_lifecycle.adapters.object_access import attempt, file_system, is_missing, refusals
from kfp_lifecycle.adapters.object_uris import Location, locate, public
from kfp_lifecycle.core.errors import InputError

SMALL = 16 << 20
# An https source is copied to a temporary file first, as few servers give byte ranges; this is its largest size.
DOWNLOAD_LIMIT = 4 << 30
_CHUNK = 1 << 20


def exists(uri: str, parameter: str = "uri") -> bool:
    """Whether a file or folder is there."""
    location = locate(uri, parameter)
    return attempt(location, parameter, lambda: is_there(location))


def is_there(location: Location) -> bool:
    """As ``exists``, with the store's own errors; fsspec's answer is False for any failure whatever."""
    files = file_system(location)
    if location.scheme == "https":
        return bool(files.exists(location.path, strict=True))
    try:
        files.info(location.path)
    except Exception as error:
        if is_missing(error):
            return False
        raise
    return True


def list_files(uri: str, parameter: str = "uri") -> list[str]:
    """The files that a URI stands for, sorted: itself, those that match its wildcards, or all below a folder.

    Raises:
        InputError: nothing is there, or nothing matches.
    """
    return [location.uri for location, _ in listed(uri, parameter)]


def listed(uri: str, parameter: str = "uri") -> list[tuple[Location, dict[str, Any]]]:
    """As ``list_files``, each file with what its store says of it: always ``size``, and checksums by the store's names.

    An https file comes without.

    Raises:
        InputError: as ``list_files``.
    """
    location = locate(uri, parameter)
    if location.scheme == "https":
        if location.has_wildcard:
            raise InputError(parameter, public(uri), "one https file", "A web server lists no files: name each.")
        return [(location, {})]
    files = file_system(location)

    def found() -> dict[str, dict[str, Any]]:
        if location.has_wildcard:
            matches = files.glob(location.path, detail=True)
            return {path: info for path, info in matches.items() if info["type"] == "file"}
        info = files.info(location.path)
        return {location.path: info} if info["type"] == "file" else files.find(location.path, detail=True)

    known = attempt(location, parameter, found)
    if not known:
        expected = "a pattern that matches a file" if location.has_wildcard else "a folder with files"
        raise InputError(parameter, public(uri), expected, "Check its spelling, and that the data has arrived.")
    places = ((Location(location.scheme, path), info) for path, info in known.items())
    return sorted(places, key=lambda place: place[0].uri)


@contextmanager
def open_input(uri: str, parameter: str = "uri", limit: int = DOWNLOAD_LIMIT) -> Iterator[BinaryIO]:
    """Open a file for reading; the stream can seek.

    Args:
        uri: a file.
        parameter: whom to name in an error.
        limit: most bytes to fetch from an https server.

    Raises:
        InputError: the file is missing or not readable, or an https file is larger than ``limit``.
    """
    location = locate(uri, parameter)
    if location.scheme == "https":
        with tempfile.TemporaryFile() as copy:
            attempt(location, parameter, lambda: _download(location, parameter, cast(BinaryIO, copy), limit))
            yield cast(BinaryIO, copy)
        return
    # s3fs and gcsfs repeat failed reads of an open file by themselves.
    stream = attempt(location, parameter, lambda: file_system(location).open(location.path, "rb"))
    with stream:
        yield cast(BinaryIO, stream)


def read_bytes(uri: str, parameter: str = "uri", limit: int = SMALL) -> bytes:
    """A small file whole.

    Raises:
        InputError: it is missing, not readable or larger than ``limit`` bytes.
    """
    with open_input(uri, parameter, limit) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise InputError(parameter, public(uri), f"at most {limit} bytes", "Check that this is the file you mean.")
    return content


def create(uri: str, content: bytes, parameter: str = "uri") -> bool:
    """Write a small file unless the name is taken; of several writers at the same time one wins.

    Returns:
        True when this call wrote it. False when the name was taken: read what is there. After a lost reply that may
        be this call's own content.

    Raises:
        InputError: the place is not writable or has no credentials.
    """
    location = locate(uri, parameter)
    _require_writable_scheme(location, parameter)
    if location.is_local:
        with refusals(location, parameter, writing=True):
            return local_files.create_new(Path(location.path), content)

    def write() -> bool:
        files = file_system(location)
        if is_there(location):
            return False
        try:
            files.pipe_file(location.path, content, mode="create")
        except OSError as error:
            if is_taken(error):
                return False
            if error.errno != errno.ENOSYS:
                raise
            # A store without conditional writes: the look above is all there is.
            files.pipe_file(location.path, content)
        return True

    return attempt(location, parameter, write, writing=True)


def create_from(uri: str, path: str | Path, parameter: str = "uri") -> bool:
    """Copy a file of any size from disk unless the name is taken; it appears whole or not at all.

    Returns:
        As ``create``.

    Raises:
        InputError: the place is not writable or has no credentials.
    """
    location = locate(uri, parameter)
    _require_writable_scheme(location, parameter)
    if location.is_local:
        with refusals(location, parameter, writing=True):
            return local_files.copy_new(Path(path), Path(location.path))

    def write() -> bool:
        files = file_system(location)
        if is_there(location):
            return False
        try:
            files.put_file(str(path), location.path, mode="create")
        except OSError as error:
            if is_taken(error):
                return False
            if error.errno != errno.ENOSYS:
                raise
            # A store without conditional writes: the look above is all there is.
            files.put_file(str(path), location.path)
        return True

    return attempt(location, parameter, write, writing=True)


def is_taken(error: OSError) -> bool:
    """Whether a conditional write was refused because the name is taken (412)."""
    response = getattr(error.__cause__, "response", None) or {}
    return isinstance(error, FileExistsError) or response.get("Error", {}).get("Code") == "PreconditionFailed"


def _require_writable_scheme(location: Location, parameter: str) -> None:
    if location.scheme == "https":
        raise InputError(parameter, public(location.uri), "a place to write to", "Use a path, s3:// or gs://.")


def _download(location: Location, parameter: str, copy: BinaryIO, limit: int) -> None:
    copy.seek(0)
    copy.truncate()
    # With a size given and no blocks it streams at once; a look at the size first would hide why it failed.
    with file_system(location).open(location.path, "rb", block_size=0, size=limit) as stream:
        while chunk := stream.read(_CHUNK):
            copy.write(chunk)
            if copy.tell() > limit:
                raise InputError(
                    parameter, public(location.uri), f"at most {limit} bytes over https", "Copy it to a bucket first."
                )
    copy.seek(0)
