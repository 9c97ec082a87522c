"""Files and folders on disk that appear under their names whole, and are written once."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import time
import uuid
from pathlib import Path

# Seconds after which nobody writes a partial file or folder any more: its writer was killed.
_ABANDONED = 86400.0
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


def make_folder(path: Path) -> None:
    """Make a local folder and those above it; a file in the way is an error of its own, not a taken name."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, "a file is in the way", str(path)) from error


def remove_abandoned(path: Path) -> None:
    """Remove what killed writers of this local file or folder left beside it."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        try:
            abandoned = time.time() - partial.stat().st_mtime > _ABANDONED
        except FileNotFoundError:
            continue  # another writer was done with it, or removed it first
        if abandoned and partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        elif abandoned:
            partial.unlink(missing_ok=True)


def copy_new(source: Path, path: Path) -> bool:
    """Copy a file of any size unless the name is taken; True when this call did it."""
    if path.exists():
        return False
    make_folder(path.parent)
    remove_abandoned(path)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        shutil.copyfile(source, partial)
        try:
            os.link(partial, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # Mounted buckets know no links. A large file must not grow under its name, as it could be left half.
            partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    return True


def create_new(path: Path, content: bytes) -> bool:
    """Write a small file unless the name is taken; True when this call did it."""
    make_folder(path.parent)
    remove_abandoned(path)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        partial.write_bytes(content)
        # A link fails when the name is taken, and the name never shows half a file.
        os.link(partial, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Mounted buckets know no links. A writer that is killed must not leave half a file under the name, so the
        # whole one is renamed; two writers that look here at the same moment can both believe that theirs is the one.
        if path.exists():
            return False
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    return True
