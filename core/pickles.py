"""Folders in which state is kept are looked through for pickles, which run code when they are loaded."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path

from kfp_lifecycle.core.errors import InputError

_SUFFIXES = frozenset(
    {".pkl", ".pickle", ".dill", ".joblib", ".cloudpickle", ".pt", ".pth", ".ckpt", ".h5", ".keras", ".pck", ".pcl"}
)
_HEAD = 512
# A pickle of protocol 2 to 5 begins with its number; arrays of objects are pickles inside of a .npy file.
_PICKLES = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
_ARRAY = b"\x93NUMPY"


def refuse_pickles(folder: str | Path, parameter: str, known: Sequence[str] = ("*",)) -> None:
    """Read the names and first bytes of all files in a folder, and nothing else.

    Nothing of ours is ever loaded by unpickling; a folder that holds a pickle was not written by us.

    Args:
        folder: with all its folders.
        parameter: what the user named it by.
        known: the names that its files may have, such as ``*.npy``: the oldest pickles cannot be told by their bytes.

    Raises:
        InputError: a file is a pickle by its name or its first bytes, has another name, or is not a plain file.
    """
    root = Path(folder)
    for path in sorted(root.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        if reason := _reason(path, known):
            raise InputError(
                parameter,
                path.relative_to(root).as_posix(),
                f"no file that can run code when it is loaded; this one {reason}",
                "Find out who put it there, remove it, and have the folder written again.",
            )


def _reason(path: Path, known: Sequence[str]) -> str:
    if path.is_symlink() or not path.is_file():
        return "is not a plain file"
    if found := _SUFFIXES.intersection(suffix.lower() for suffix in path.suffixes):
        return f"is named {min(found)}"
    if not any(fnmatch.fnmatchcase(path.name, name) for name in known):
        return f"is none of {', '.join(known)}"
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(_PICKLES):
        return "begins as a pickle"
    return "is an array of pickled objects" if head.startswith(_ARRAY) and b"'|O'" in head else ""
