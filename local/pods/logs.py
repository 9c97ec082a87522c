"""The log files of pods: one file a pod, one marked stretch a run."""

from __future__ import annotations

import re
from pathlib import Path

_RUN = re.compile(rb"^=== run (\d+) ===\n", re.MULTILINE)


def path(folder: Path, namespace: str, pod: str) -> Path:
    """The pod's log file."""
    return folder / "pods" / f"{namespace}_{pod}.log"


def keep_newest(folder: Path, most: int = 50) -> None:
    """Delete the log files of all but the newest pods."""
    files = sorted((folder / "pods").glob("*.log"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[most:]:
        file.unlink()


def begin_run(file: Path, number: int) -> None:
    """Mark the start of the container's run ``number`` (0 for the first)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as log:
        log.write(f"=== run {number} ===\n".encode())


def add_line(file: Path, line: str) -> None:
    """Write a line of our own, for example why the storage could not be read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as log:
        log.write(line.rstrip("\n") + "\n")


def read_run(file: Path) -> bytes | None:
    """The output of the server's last run; None if there was none yet."""
    runs = _parts(file)[2::2]
    return runs[-1] if runs else None


def read_initializer(file: Path) -> bytes:
    """What the storage initializer said before the first run."""
    return _parts(file)[0]


def last_line(file: Path) -> str:
    """The last line that is not empty of the last run; a program's reason for giving up usually stands there."""
    lines = (read_run(file) or b"").decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _parts(file: Path) -> list[bytes]:
    """What came before the first run, then number and output of each run."""
    return _RUN.split(file.read_bytes()) if file.exists() else [b""]
