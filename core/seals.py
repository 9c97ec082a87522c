"""A Parquet file that says what its bytes are: a sha256 in its footer, over all of them but the sha256 itself.

Parquet's own checksums cover the pages, but neither their headers nor the footer, so a damaged type or encoding would
be read as other values.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

CREATOR = b"kfp-lifecycle 1 sha256 "
BLANK = b"0" * 64
_CHUNK = 1 << 20
# The footer's length and the file's last four bytes.
_TAIL = 8


def seal(path: Path) -> None:
    """Fill in the sha256 of a file whose creator is ``CREATOR`` and ``BLANK``.

    Raises:
        ValueError: it is no such file.
    """
    place = _place(path)
    if place is None:
        raise ValueError(f"{path.name} has no place for a seal")
    digest = _digest(path, place)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(digest)


def is_sealed(path: Path) -> bool:
    """Whether the file has a seal and holds the bytes that were sealed."""
    place = _place(path)
    if place is None:
        return False
    with path.open("rb") as file:
        file.seek(place)
        return file.read(len(BLANK)) == _digest(path, place)


def _place(path: Path) -> int | None:
    """Where the sha256 stands; the creator is the last but the sort orders, so the last mention counts."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - _TAIL, 0))
        start = size - _TAIL - int.from_bytes(file.read(4), "little")
        if start < 0:
            return None
        file.seek(start)
        at = file.read().rfind(CREATOR)
    return None if at < 0 else start + at + len(CREATOR)


def _digest(path: Path, place: int) -> bytes:
    """The sha256 in hexadecimal, as if its own place were blank."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while (left := place - file.tell()) > 0 and (chunk := file.read(min(left, _CHUNK))):
            digest.update(chunk)
        digest.update(BLANK)
        file.seek(place + len(BLANK))
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest().encode()
