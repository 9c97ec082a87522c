"""A digest of all code that a step on this machine can import.

On a cluster that is the image's digest. Here it tells a cache whether an earlier result is still that of this code.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from kfp_lifecycle.local.runner_environment import modules

# What only serves the local cluster decides nothing in a step.
_OURS = ("core", "adapters", "components", "serving")
# Larger files are data; their size and time must do.
_LARGEST_BYTES = 1 << 20


def code_digest(code: Sequence[str | Path] = ()) -> str:
    """The digest of our package, of the user's modules in ``code``, and of the names and versions of what is installed.

    Raises:
        InputError: a path of ``code`` does not exist or holds no module.
    """
    digest = hashlib.sha256()
    installed = sorted(entry.name for entry in os.scandir(sysconfig.get_path("purelib")) if "-info" in entry.name)
    digest.update("\0".join(installed).encode())
    roots = [_package() / name for name in _OURS] + [path for module in modules(code) for path in module.paths]
    for root in roots:
        digest.update(f"\0{root.name}".encode())
        for file in _files(root):
            content = _content(file)
            if content is not None:
                digest.update(f"\0{file.relative_to(root.parent)}\0".encode(errors="surrogateescape"))
                digest.update(content)
    return digest.hexdigest()


def _package() -> Path:
    import kfp_lifecycle

    return Path(kfp_lifecycle.__path__[0])


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    visited = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        # A link may lead back to a folder above it.
        about = _stat(Path(folder))
        identity = about and (about.st_dev, about.st_ino)
        if identity is None or identity in visited:
            folders.clear()
            continue
        visited.add(identity)
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names))


def _content(file: Path) -> bytes | None:
    """What stands for a file's content; None for what no step can import: a dangling link, a pipe, a vanished file."""
    about = _stat(file)
    if about is None or not stat.S_ISREG(about.st_mode):
        return None
    if about.st_size > _LARGEST_BYTES:
        return f"{about.st_size} {about.st_mtime_ns}".encode()
    try:
        return hashlib.sha256(file.read_bytes()).digest()
    except OSError:
        return None


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
